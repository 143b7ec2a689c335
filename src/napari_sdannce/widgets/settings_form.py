"""A form made from a settings class: what matters first on top, the rest folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_sdannce.files.settings_file import absolute_paths
from napari_sdannce.settings.fields import fields_of, look_up, put
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.setting_editors import editor_for
from napari_sdannce.widgets.setting_words import GROUPS, NONE, caption_of, label_of, plain, tip_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_sdannce.settings import Settings
    from napari_sdannce.settings.fields import SettingField
    from napari_sdannce.widgets.setting_editors import Editor

Path_ = tuple[str, ...]
_NARROWEST = 80
_TROUBLE = "color: #ff8c69"
_QUIET = "color: #9a9a9a; font-size: 11px"
_LEFT_OPEN = object()


class SettingRow:
    """Label, box and unit of one setting, with what is wrong with it below."""

    def __init__(self, field: SettingField, *, captioned: bool) -> None:
        self.field = field
        self.editor: Editor = editor_for(field)
        self.label = QLabel(label_of(field))
        self.unit = QLabel(field.unit)
        self.below = QLabel()
        self.below.setWordWrap(True)
        self._caption = caption_of(field) if captioned else ""
        # long numbers and words would make the panel wider than its dock
        self.editor.native.setMinimumWidth(_NARROWEST)
        for widget in (self.label, self.editor.native):
            widget.setToolTip(tip_of(field))
        self.say("")

    def say(self, trouble: str) -> None:
        """Show what is wrong; nothing: the caption."""
        self.trouble = trouble
        self.below.setText(breakable(trouble) or self._caption)
        self.below.setStyleSheet(_TROUBLE if trouble else _QUIET)
        self.below.setVisible(bool(trouble or self._caption))

    def add_to(self, grid: QGridLayout) -> None:
        """Put it at the bottom of a grid."""
        row = grid.rowCount()
        grid.addWidget(self.label, row, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self.editor.native, row, 1)
        grid.addWidget(self.unit, row, 2)
        grid.addWidget(self.below, row + 1, 1, 1, 2)

    def show(self, value: Any) -> None:
        """Show a value of a settings file."""
        if value is None and self.field.can_be_none:
            self.editor.set(NONE)
        else:
            left_open = value is None or value is _LEFT_OPEN
            self.editor.set(self.field.default if left_open else value)

    @property
    def is_none(self) -> bool:
        """Whether it is to be None, where that is not the same as leaving it open."""
        return self.field.can_be_none and plain(self.editor.get()) == NONE

    @property
    def changed_value(self) -> Any:
        """What was chosen; None: left open, or the default."""
        value = self.editor.get()
        return None if plain(value) == plain(self.field.default) else value


class SettingsForm(QWidget):
    """All settings of a class that a form can show.

    Parameters
    ----------
    model
        The settings class.
    first
        Paths of the fields to show first; the others are under "More settings".
    without
        Names of fields that are chosen elsewhere.
    about
        What is said above the folded fields.
    """

    changed = Signal()

    def __init__(
        self,
        model: type[Settings],
        first: Sequence[Path_] = (),
        without: Sequence[str] = (),
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.model = model
        self.kept: dict[str, Any] = {}
        """Values of fields that the form can not show."""
        self.first_trouble = ""
        """What was wrong when the settings were asked for last, in a sentence."""
        fields = {field.path: field for field in fields_of(model) if field.path[0] not in without}
        self.unshown = [field for field in fields.values() if not field.is_simple]
        shown = {path: field for path, field in fields.items() if field.is_simple}
        order = [*(path for path in first if path in shown), *(p for p in shown if p not in first)]
        self.rows = {path: SettingRow(shown[path], captioned=path in first) for path in order}
        self.trouble = QLabel()
        self.trouble.setWordWrap(True)
        self.trouble.setStyleSheet(_TROUBLE)
        self.trouble.hide()
        self.more = QCollapsible("More settings")
        outside = self.more.layout()
        if outside is not None:
            outside.setContentsMargins(0, 0, 0, 0)
        inside = self.more.content().layout()
        if inside is not None:
            inside.setContentsMargins(0, 4, 0, 0)
        if about:
            self.more.addWidget(_quiet(about))
        self._lay_out(set(first))
        for row in self.rows.values():
            row.editor.on_change(self._on_change)

    def _lay_out(self, first: set[Path_]) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(_grid_of([row for path, row in self.rows.items() if path in first]))
        rest = [row for path, row in self.rows.items() if path not in first]
        for group in dict.fromkeys(_group(row) for row in rest):
            if group:
                self.more.addWidget(_heading(GROUPS.get(group, group.replace("_", " ").title())))
            self.more.addWidget(_grid_of([row for row in rest if _group(row) == group]))
        if self.unshown:
            names = ", ".join(".".join(field.path) for field in self.unshown)
            note = _quiet(f"Set in a YAML file: {breakable(names)}")
            note.setToolTip("\n".join(f"{field.name}: {field.help}" for field in self.unshown))
            self.more.addWidget(note)
        if rest or self.unshown:
            layout.addWidget(self.more)
        layout.addWidget(self.trouble)

    def _on_change(self) -> None:
        self.changed.emit()

    def values(self) -> dict[str, Any]:
        """What was chosen other than the defaults, nested as in a settings file."""
        values = dict(self.kept)
        for path, row in self.rows.items():
            if row.is_none:
                put(values, path, None)
            elif row.changed_value is not None:
                put(values, path, row.changed_value)
        return values

    def settings(self, inside: Path | None = None, /, **given: Any) -> Settings | None:
        """Settings of what was chosen, with what is chosen elsewhere; None when something is wrong.

        What is wrong is then said beside its field.

        Parameters
        ----------
        inside
            Folder that relative paths are meant from; default: they stay as they are.
        **given
            Fields that are chosen elsewhere.
        """
        for row in self.rows.values():
            row.say("")
        self.trouble.hide()
        self.first_trouble = ""
        try:
            values = self.values()
            if inside is not None:
                values = absolute_paths(values, inside)
            return self.model.model_validate(values | given)
        except ValidationError as error:
            for each in error.errors():
                self._tell(tuple(map(str, each["loc"])), _in_words(each))
            return None

    def _tell(self, path: Path_, trouble: str) -> None:
        for end in range(len(path), 0, -1):
            if path[:end] in self.rows:
                row = self.rows[path[:end]]
                row.say(trouble)
                self.first_trouble = self.first_trouble or f"{row.label.text()} {trouble}"
                return
        said = f"{'.'.join(path)}: {trouble}" if path else trouble
        self.first_trouble = self.first_trouble or said
        self.trouble.setText(breakable(said))
        self.trouble.show()

    def fill(self, values: Mapping[str, Any]) -> None:
        """Show the values of a settings file; what it does not say is as by default."""
        for path, row in self.rows.items():
            row.show(look_up(values, path, _LEFT_OPEN))
        self.kept = {}
        for field in self.unshown:
            value = look_up(values, field.path, _LEFT_OPEN)
            if value is not _LEFT_OPEN:
                put(self.kept, field.path, value)


def _in_words(error: Any) -> str:
    """What a check of the settings says, for a person."""
    if error["type"] == "missing":
        return "must be given"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message.replace("Input should be ", "must be ")
    message = message.replace("a valid integer", "a whole number").replace("a valid ", "a ")
    return message.partition(", unable to parse")[0]


def _group(row: SettingRow) -> str:
    return row.field.path[0] if len(row.field.path) > 1 else ""


def _grid_of(rows: Sequence[SettingRow]) -> QWidget:
    box = QWidget()
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    policy.setHeightForWidth(True)  # captions of several lines
    box.setSizePolicy(policy)
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, 118)
    for row in rows:
        row.add_to(grid)
    return box


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold; padding-top: 4px")
    return label


def _quiet(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setStyleSheet(_QUIET)
    return label
