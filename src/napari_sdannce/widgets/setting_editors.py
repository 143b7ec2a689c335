"""Boxes for single settings: ticks, choices, numbers, texts, paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from napari_sdannce.widgets.breakable import unbroken
from napari_sdannce.widgets.setting_words import (
    choices_of,
    cut,
    files_of,
    is_folder,
    left_open,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.settings.fields import SettingField

_LARGEST = 2**31 - 1
_LONGEST_HINT = 27
"""Letters that a box has room for where its panel is as narrow as it may be."""


class Editor(Protocol):
    """A box for one setting."""

    native: QWidget

    def get(self) -> Any:
        """What it holds; None: left open."""

    def set(self, value: Any) -> None:
        """Show a value; None: left open."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call whenever what it holds changes."""


def editor_for(field: SettingField) -> Editor:
    """The box that fits a setting; it shows the default."""
    editor = _editor_for(field)
    editor.set(field.default)
    return editor


def _editor_for(field: SettingField) -> Editor:
    choices = choices_of(field)
    if choices is not None:
        return ChoiceEditor(field, choices)
    typed = field.is_tuple or field.may_be_left or field.can_be_none
    if typed or field.kind not in _EDITORS:
        if getattr(field.kind, "__name__", "") != "Path":
            return TextEditor(field)
        return FilesEditor(field) if field.is_tuple else PathEditor(field)
    return _EDITORS[field.kind](field)


class TickEditor:
    """Yes or no."""

    def __init__(self, field: SettingField) -> None:
        self._box = CheckBox(label="", text="")
        self.native: QWidget = self._box.native

    def get(self) -> bool:
        """Whether it is ticked."""
        return bool(self._box.value)

    def set(self, value: Any) -> None:
        """Tick or clear it."""
        self._box.value = bool(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call when it is ticked or cleared."""
        self._box.changed.connect(lambda _: callback())


class NumberEditor:
    """A whole number that is always given."""

    def __init__(self, field: SettingField) -> None:
        low = -_LARGEST if field.low is None else int(field.low)
        high = _LARGEST if field.high is None else min(int(field.high), _LARGEST)
        self._box = SpinBox(value=max(low, 0), min=low, max=high, step=int(field.step or 1))
        self.native: QWidget = self._box.native
        not_by_the_wheel(self.native)

    def get(self) -> int:
        """The number."""
        return int(self._box.value)

    def set(self, value: Any) -> None:
        """Show a number."""
        if value is not None:
            self._box.value = int(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call when it changes."""
        self._box.changed.connect(lambda _: callback())


class ChoiceEditor:
    """One of a few values, or none of them."""

    def __init__(self, field: SettingField, choices: list[tuple[str, Any]]) -> None:
        self._choices = [*choices]
        self._box = ComboBox(choices=self._choices, nullable=field.may_be_left)
        if field.may_be_left:
            self._box.null_string = left_open(field)
            self._box.choices = self._choices
        self.native: QWidget = self._box.native
        if isinstance(self.native, QComboBox):
            # a long word must not make the whole panel wide
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            self.native.setSizeAdjustPolicy(policy)
            self.native.setMinimumContentsLength(8)
        not_by_the_wheel(self.native)

    def get(self) -> Any:
        """The value that is chosen."""
        return self._box.value

    def set(self, value: Any) -> None:
        """Choose a value; one that was not on offer joins the others."""
        if value is not None and value not in [each for _, each in self._choices]:
            self._choices.append((plain(value), value))
            self._box.choices = self._choices
        self._box.value = value

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call when another is chosen."""
        self._box.changed.connect(lambda _: callback())


class TextEditor:
    """Anything that can be typed: several values stand with commas between them."""

    def __init__(self, field: SettingField) -> None:
        self._field = field
        self._box = LineEdit()
        self.native: QWidget = self._box.native
        if field.may_be_left:
            self._box.native.setPlaceholderText(cut(left_open(field), _LONGEST_HINT))

    def get(self) -> Any:
        """The text, or texts; numbers are made of them when the settings are checked."""
        text = unbroken(str(self._box.value)).strip()
        if not text:
            return None if self._field.may_be_left else ""
        return [each.strip() for each in text.split(",")] if self._field.is_tuple else text

    def set(self, value: Any) -> None:
        """Show a value."""
        self._box.value = "" if value is None else plain(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call with every letter."""
        self._box.changed.connect(lambda _: callback())


class PathEditor(TextEditor):
    """A path, with a button to choose it."""

    def __init__(self, field: SettingField) -> None:
        super().__init__(field)
        self._button = QPushButton("…")
        self._button.setFixedWidth(28)
        self._button.setToolTip("Choose a folder" if is_folder(field) else "Choose a file")
        self._button.clicked.connect(self._ask)
        self._line = self._box.native
        self.native = QWidget()
        layout = QHBoxLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._line, stretch=1)
        layout.addWidget(self._button)
        self.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set(self, value: Any) -> None:
        """Show a path, or several."""
        super().set(value)
        self._line.setToolTip("" if value is None else plain(value))

    def _ask(self) -> None:
        path = self._choose()
        if path:
            self.set(path)

    def _choose(self) -> str | list[str]:
        if is_folder(self._field):
            return QFileDialog.getExistingDirectory(self.native, "Choose a folder")
        return QFileDialog.getOpenFileName(
            self.native, "Choose a file", filter=files_of(self._field)
        )[0]


class FilesEditor(PathEditor):
    """Paths of several files, with a button to choose them.

    Commas stand between them; what was chosen, or came from a file, may hold commas of its own.
    """

    def __init__(self, field: SettingField) -> None:
        self._shown: tuple[str, list[str]] = ("", [])
        super().__init__(field)

    def set(self, value: Any) -> None:
        """Show paths."""
        super().set(value)
        paths = [] if isinstance(value, str) else [str(each) for each in value or ()]
        self._shown = (str(self._box.value), paths)

    def get(self) -> Any:
        """The paths that were set, while nothing else is typed."""
        text, paths = self._shown
        return paths if paths and str(self._box.value) == text else super().get()

    def _choose(self) -> list[str]:
        return QFileDialog.getOpenFileNames(
            self.native, "Choose files", filter=files_of(self._field)
        )[0]


_EDITORS: dict[type, Callable[[SettingField], Editor]] = {bool: TickEditor, int: NumberEditor}


class _NoWheel(QObject):
    """Lets the wheel scroll the panel, and not change the number under the mouse."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False


def not_by_the_wheel(box: QWidget) -> None:
    """Keep a box from changing while a person scrolls past it."""
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.installEventFilter(_NoWheel(box))
