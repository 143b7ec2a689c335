"""The newest sample picture of a training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SHARE_OF_SCREEN = 0.9
SAMPLES = "samples"
"""Folder in a run's folder with pictures of predicted and labelled keypoints."""


class NewestPicture(QWidget):
    """Shows the newest picture of a folder, as large as there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path: Path | None = None
        self._whole = QPixmap()
        self.picture = QLabel("Pictures come with the first validation.")
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setWordWrap(True)
        # the label must not keep the panel as wide as its picture
        self.picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.picture.setMinimumHeight(180)
        self.caption = QLabel()
        self.open_button = QPushButton("Enlarge")
        self.open_button.setToolTip("Show the picture in a window of its own")
        self.open_button.clicked.connect(self._open)
        self.open_button.hide()
        below = QHBoxLayout()
        below.addWidget(self.caption, stretch=1)
        below.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.picture, stretch=1)
        layout.addLayout(below)

    def look_in(self, run: Path | None, is_own: Callable[[Path], bool] = Path.is_file) -> None:
        """Show the newest picture of a run's folder, of those that are its own; None: of no run."""
        pictures = (run / SAMPLES).glob("*.png") if run is not None else ()
        newest = next(filter(is_own, sorted(pictures, key=_age, reverse=True)), None)
        if newest == self.path:
            return
        picture = QPixmap(str(newest)) if newest is not None else QPixmap()
        if newest is not None and picture.isNull():
            return  # half written: the next look finds it whole
        self.path, self._whole = newest, picture
        self.open_button.setVisible(newest is not None)
        self.caption.setText("" if newest is None else newest.name)
        if newest is None:
            self.picture.setText("Pictures come with the first validation.")
        self._scale()

    def _open(self) -> None:
        """Show the picture as large as it is, or as the screen has room for."""
        window = QDialog(self.window())
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.setWindowTitle(str(self.path))
        whole = QLabel()
        screen = self.screen()
        assert screen is not None
        room = screen.availableSize() * _SHARE_OF_SCREEN
        whole.setPixmap(_fitted(self._whole, room.boundedTo(self._whole.size())))
        layout = QVBoxLayout(window)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(whole)
        window.show()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Scale the picture with the panel."""
        super().resizeEvent(event)
        self._scale()

    def _scale(self) -> None:
        if not self._whole.isNull():
            self.picture.setPixmap(_fitted(self._whole, self.picture.size()))


def _fitted(picture: QPixmap, room: QSize) -> QPixmap:
    keep = Qt.AspectRatioMode.KeepAspectRatio
    return picture.scaled(room, keep, Qt.TransformationMode.SmoothTransformation)


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except FileNotFoundError:  # it was taken away meanwhile
        return 0.0, path.name
