"""Settings of cameras: of all of them, or of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.settings.capture import CameraSettings
from napari_sdannce.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALL = "all cameras"
_IDENTITY = ("name", "back_end", "serial")
_FIRST = (("exposure_us",), ("gain_db",), ("width",), ("height",), ("pixel_format",))


class CameraForm(QWidget):
    """A form of camera settings; what is said of one camera wins over what is said of all."""

    apply_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, dict[str, Any]] = {ALL: {}}
        self._shown = ALL
        self.of = QComboBox()
        self.of.addItem(ALL)
        self.of.currentTextChanged.connect(self._show)
        self.form = SettingsForm(
            CameraSettings,
            first=_FIRST,
            without=_IDENTITY,
            about="What is left open stays as the camera has it.",
        )
        self.apply_button = QPushButton("Apply")
        self.apply_button.setToolTip("Set the cameras up so, and show what they see then")
        self.apply_button.clicked.connect(lambda: self.apply_asked.emit())
        head = QHBoxLayout()
        head.addWidget(QLabel("Settings of"))
        head.addWidget(self.of, stretch=1)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.form)
        layout.addWidget(self.apply_button)
        layout.addStretch()

    def show_cameras(self, names: Sequence[str]) -> None:
        """Offer these cameras."""
        if [self.of.itemText(i) for i in range(1, self.of.count())] == list(names):
            return
        self._keep()
        self.of.blockSignals(True)
        self.of.clear()
        self.of.addItems([ALL, *names])
        self.of.blockSignals(False)
        self._shown = ALL
        self.form.fill(self._values[ALL])

    def values_of(self, name: str) -> dict[str, Any]:
        """What is set of a camera."""
        self._keep()
        return {**self._values[ALL], **self._values.get(name, {})}

    def fill(self, cameras: Iterable[CameraSettings]) -> None:
        """Show settings of cameras; what is the same for all of them is that of all."""
        each = {camera.name: _given(camera) for camera in cameras}
        same = _same(list(each.values()))
        self._values = {ALL: same}
        for name, values in each.items():
            self._values[name] = {key: v for key, v in values.items() if key not in same}
        self._shown = self.of.currentText()
        self.form.fill(self._values.get(self._shown, {}))

    def _keep(self) -> None:
        self._values[self._shown] = self.form.values()

    def _show(self, name: str) -> None:
        self._keep()
        self._shown = name
        self.form.fill(self._values.get(name, {}))


def _given(camera: CameraSettings) -> dict[str, Any]:
    values: dict[str, Any] = camera.model_dump(exclude_defaults=True)
    return {key: value for key, value in values.items() if key not in _IDENTITY}


def _same(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all say alike."""
    if not each:
        return {}
    first, *others = each
    return {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }
