"""Keys of the labelling panel, wherever in it the keyboard is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QFocusEvent, QKeyEvent, QKeySequence

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
        self._guarded: list[QObject] = []
        self._held: dict[int, KeyAction] = {}

    def watch(self, widget: QWidget) -> None:
        """Take the keys that arrive at a widget; others go their way."""
        widget.installEventFilter(self)

    def guard(self, canvas: QWidget) -> None:
        """Take the keys that arrive at a canvas, and keep all others from its viewer.

        napari's own keys select, hide and delete the layers that are drawn with, and some look for
        a window that an embedded viewer does not have.
        """
        self._guarded.append(canvas)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Run what a key does."""
        if isinstance(event, QFocusEvent):
            if event.lostFocus() and event.reason() == Qt.FocusReason.ActiveWindowFocusReason:
                self._let_go(*self._held)  # that they are let go is heard elsewhere
            return False
        if not isinstance(event, QKeyEvent):
            return False
        action, kind = self.table.action(name_of(event)), event.type()
        if kind == QEvent.Type.KeyRelease and not event.isAutoRepeat():
            self._let_go(event.key())  # Shift may have been let go before
        if action is None:
            return watched in self._guarded and kind != QEvent.Type.ShortcutOverride
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()  # the key comes again, as a press, and not as a shortcut of a menu
        elif kind == QEvent.Type.KeyPress and not (event.isAutoRepeat() and action.name == "hide"):
            self._held[event.key()] = action
            self._run(action, True)
        return True

    def _let_go(self, *keys: int) -> None:
        for key in keys:
            if key in self._held:
                self._run(self._held.pop(key), False)
