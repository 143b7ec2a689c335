"""What the panel shows before anything is open."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class EmptyPage(QWidget):
    """An invitation: open a folder, drop one, or try the sample."""

    open_asked = Signal()
    sample_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        invitation = QLabel("Open a recording folder, or drop it here")
        invitation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        invitation.setWordWrap(True)
        invitation.setStyleSheet("font-size: 15px; font-weight: bold")
        explanation = QLabel(
            "A folder of DANNCE, Label3D or Campy, a folder with one video a camera, or a single "
            "video. Nothing in it is changed."
        )
        explanation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        explanation.setWordWrap(True)
        self.open_button = QPushButton("Open folder …")
        self.sample_button = QPushButton("Open the sample: two rats, six cameras")
        self.open_button.clicked.connect(lambda: self.open_asked.emit())
        self.sample_button.clicked.connect(lambda: self.sample_asked.emit())
        layout = QVBoxLayout(self)
        layout.addStretch()
        for widget in (invitation, explanation, self.open_button, self.sample_button):
            layout.addWidget(widget)
        layout.addStretch()
