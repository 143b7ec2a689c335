"""Keys of the labelling panel, wherever in it the keyboard is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_sdannce.widgets.label_3d.key_table import KeyAction, KeyTable

_ALONE = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta)
# with Shift, these keys are other signs already
_SIGNS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def name_of(event: QKeyEvent) -> str:
    """What a key is called in the table; empty for Shift and the like alone."""
    key = event.key()
    if key in _ALONE:
        return ""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if key == Qt.Key.Key_Backtab:
        return "Shift+Tab"
    if event.text() in _SIGNS and event.text():
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    return QKeySequence(cast("int", modifiers.value) | key).toString()


class KeyCatcher(QObject):
    """Takes the keys of a table before napari does.

    An event filter, because napari's own bindings of the selected layer would win against any of
    ours, and Tab never reaches it.

    Parameters
    ----------
    table
        Which key does what.
    run
        Called with the action, and whether the key went down (else it went up).
    """

    def __init__(
        self,
        table: KeyTable,
        run: Callable[[KeyAction, bool], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.table = table
        self._run = run

    def watch(self, widget: QWidget) -> None:
        """Take the keys that arrive at a widget."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Run what a key does; all else goes its way."""
        if not isinstance(event, QKeyEvent):
            return False
        action = self.table.action(name_of(event))
        if action is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()  # the key comes again, as a press, and not as a shortcut of a menu
            return True
        if kind == QEvent.Type.KeyPress:
            if not (event.isAutoRepeat() and action.name == "hide"):
                self._run(action, True)
            return True
        if kind == QEvent.Type.KeyRelease:
            if not event.isAutoRepeat():
                self._run(action, False)
            return True
        return False
