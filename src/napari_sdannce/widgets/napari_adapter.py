"""The one module that leans on what napari does not promise.

Public names of napari 0.9 are used everywhere else; what is semi-public (embedded viewers, the
object behind the viewer that a plugin gets, the Qt window) is used here only, so that a change in
napari is mended in one place.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from napari.components import ViewerModel
from napari.layers.points._points_constants import Symbol as Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

OUR_DOCKS = "(napari-sdannce)"
"""What napari's names of our panels' docks end with."""


def real_viewer(viewer: Any) -> ViewerModel:
    """The viewer itself, when `viewer` is the proxy that plugins get."""
    return getattr(viewer, "__wrapped__", viewer)


def has_window(viewer: Any) -> bool:
    """Whether the viewer has a Qt window (a bare `ViewerModel` has none)."""
    return getattr(real_viewer(viewer), "window", None) is not None


def resize(viewer: Any, width: int, height: int) -> None:
    """Give the window a size."""
    real_viewer(viewer).window.resize(width, height)


def dock(viewer: Any, widget: QWidget, name: str, *, tabify: bool = False) -> Any:
    """Dock a widget on the right of the viewer's window, or as a tab over what is there."""
    window = real_viewer(viewer).window
    return window.add_dock_widget(widget, name=name, area="right", tabify=tabify)


def give_height(widget: QWidget, share: float, at_least: int) -> None:
    """Give the dock of a widget a share of its window's height, px at least so many."""
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QDockWidget

    found = _dock_of(widget)
    if found is None:
        return
    dock, window = found
    height = max(at_least, round(share * window.height()))
    area = window.dockWidgetArea(dock)
    beside = [
        each
        for each in window.findChildren(QDockWidget)
        if each is not dock
        and window.dockWidgetArea(each) == area
        and not each.visibleRegion().isEmpty()
    ]
    # Qt divides what it was not told about as it likes
    rest = max(1, (window.height() - height) // max(1, len(beside)))
    heights = [height, *(rest for _ in beside)]
    window.resizeDocks([dock, *beside], heights, Qt.Orientation.Vertical)


_GIVEN_BACK = "napari_sdannce_given_back"
_WIDTH = "napari_sdannce_width"


def give_window(widget: QWidget, *, taken: bool) -> None:
    """Let the dock of a widget have all of its window, or give the room back.

    napari's canvas, its layer list and the layer controls are out of sight meanwhile: what is
    worked on has canvases of its own.
    """
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QDockWidget

    found = _dock_of(widget)
    if found is None:
        return
    dock, window = found
    hidden = window.property(_GIVEN_BACK)
    centre = window.centralWidget()
    if taken and hidden is None and centre is not None:
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        aside = [
            each
            for each in window.findChildren(QDockWidget)
            if window.dockWidgetArea(each) == left and each.isVisible()
        ]
        window.setProperty(_GIVEN_BACK, [each.objectName() for each in aside])
        window.setProperty(_WIDTH, dock.width())
        for each in (centre, *aside):
            each.hide()
        window.resizeDocks([dock], [window.width()], Qt.Orientation.Horizontal)
    elif not taken and hidden is not None and centre is not None:
        window.setProperty(_GIVEN_BACK, None)
        for each in window.findChildren(QDockWidget):
            if each.objectName() in hidden:
                each.show()
        centre.show()
        window.resizeDocks([dock], [window.property(_WIDTH)], Qt.Orientation.Horizontal)


def hold_dock(widget: QWidget, *, held: bool) -> None:
    """Let the dock of a widget not float, nor go elsewhere; or let it again.

    What is drawn on canvases lives in their window, and is lost in another one: vispy would then
    end the program.
    """
    from qtpy.QtWidgets import QDockWidget

    dock = _dock_around(widget)
    if dock is None:
        return
    moves = (
        QDockWidget.DockWidgetFeature.DockWidgetMovable
        | QDockWidget.DockWidgetFeature.DockWidgetFloatable
    )
    dock.setFeatures(dock.features() & ~moves if held else dock.features() | moves)
    button = getattr(dock.titleBarWidget(), "float_button", None)  # napari's own
    if button is not None:
        button.setVisible(not held)


def _dock_of(widget: QWidget) -> tuple[QDockWidget, QMainWindow] | None:
    """The dock that holds a widget, and the window that holds the dock; None of one afloat."""
    from qtpy.QtWidgets import QMainWindow

    dock = _dock_around(widget)
    window = None if dock is None else dock.parentWidget()
    if dock is None or dock.isFloating() or not isinstance(window, QMainWindow):
        return None
    return dock, window


def _dock_around(widget: QWidget) -> QDockWidget | None:
    """The dock that holds a widget, afloat or not."""
    from qtpy.QtWidgets import QDockWidget

    around = widget.parentWidget()
    while around is not None and not isinstance(around, QDockWidget):
        around = around.parentWidget()
    return around


def windows_of(widget: QWidget) -> list[QWidget]:
    """The window of a widget, and the one that its dock belongs to, where the dock is afloat."""
    found: list[QWidget] = []
    each: QWidget | None = widget
    while each is not None:
        if each.isWindow():
            found.append(each)
        each = each.parentWidget()
    return found


def undock(viewer: Any, widget: QWidget) -> None:
    """Take a widget's dock out of the window, when it is still there."""
    window = getattr(real_viewer(viewer), "window", None)
    if window is None:
        return
    if any(inner is widget for inner in window.dock_widgets.values()):
        window.remove_dock_widget(widget)


def open_panel(viewer: Any, name: str = "Recording") -> Any:
    """Open one of our panels, or find it where it is open; None without a window."""
    if not has_window(viewer):
        return None
    window = real_viewer(viewer).window
    _, panel = window.add_plugin_dock_widget("napari-sdannce", name)
    return panel


def as_tab(panel: QWidget, title: str) -> None:
    """Put the dock of a panel as a tab over our other panels: stacked, none would have room.

    napari does so only when it is asked to in code, never from its menus. A dock's short title is
    all that fits on a tab.
    """
    from qtpy.QtWidgets import QDockWidget

    found = _dock_of(panel)
    if found is None:
        return
    dock, window = found
    dock.setWindowTitle(title)
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(QDockWidget):
        ours = other is not dock and other.objectName().endswith(OUR_DOCKS)
        if ours and not other.isFloating() and window.dockWidgetArea(other) == area:
            window.tabifyDockWidget(other, dock)
            dock.show()
            dock.raise_()
            return


def embedded_viewer(title: str, ndisplay: Literal[2, 3] = 3) -> tuple[ViewerModel, Any]:
    """Make a second viewer with its own canvas: model and Qt widget, without controls.

    The widget must be closed (`close()`) before its parent dies, or its canvas outlives it.
    """
    from napari.qt import QtViewer
    from napari.utils.action_manager import action_manager

    model = ViewerModel(title=title, ndisplay=ndisplay)
    # every viewer binds the same keys anew, and tells each tooltip of each viewer of each key
    with action_manager.events.shortcut_changed.blocker():
        widget = QtViewer(model)
    widget.dims.setVisible(False)
    return model, widget


def widget_of(canvas: Any) -> QWidget:
    """The Qt widget of an embedded viewer that gets the mouse and the keys."""
    return canvas.canvas.native


def can_open(count: int) -> bool:
    """Whether so many more canvases can be drawn on; remote desktops have few, or one."""
    from qtpy.QtGui import QOpenGLContext

    contexts = [QOpenGLContext() for _ in range(count)]
    return all(each.create() for each in contexts)


@contextmanager
def adding_layers(viewer: ViewerModel) -> Iterator[None]:
    """Let napari draw once after many layers are added, not after each.

    At the end of a batch napari collects garbage, for the sake of layers that were removed. Here
    none are, and looking through a large program takes as long as adding the layers: everything
    there is passes over this collection.
    """
    try:
        with viewer.layers.batched_update():
            yield
            gc.freeze()
    finally:
        gc.unfreeze()


@contextmanager
def closing_viewers() -> Iterator[None]:
    """Let napari pass over the whole program's memory once after many viewers are emptied.

    It collects garbage after each, which takes a third of a second each time; what the layers held
    goes with the next collection of Python's own.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def later(callback: Callable[[], object]) -> None:
    """Call when the present Qt event is over; at once where there is no Qt application."""
    try:
        from qtpy.QtCore import QTimer
        from qtpy.QtWidgets import QApplication
    except ImportError:  # qtpy raises a subclass when no binding is installed
        callback()
        return
    if QApplication.instance() is None:
        callback()
    else:
        QTimer.singleShot(0, callback)
