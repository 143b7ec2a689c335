"""What the mouse does in a camera: a click places, a drag moves a point or the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QObject

from napari_sdannce.labels import LabelState
from napari_sdannce.widgets.label_3d.drawn_cells import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.widgets.label_3d.desk import Desk
    from napari_sdannce.widgets.label_3d.places import Place

FloatArray = npt.NDArray[np.float64]

_CATCH_PX = 9.0
"""Screen pixels round a point in which a press takes it."""
_CLICK_PX = 5.0
"""A press that is let go within so many screen pixels is a click, else it moved the image."""


class CameraMouse(QObject):
    """Follows the mouse over one camera.

    Parameters
    ----------
    desk
        Where labelling happens.
    view
        Index of the camera.
    place
        Where it is drawn.
    """

    def __init__(self, desk: Desk, view: int, place: Place, parent: QObject) -> None:
        super().__init__(parent)
        self.desk = desk
        self.view = view
        self.place = place
        self.model = place.model
        self.sees_points = True
        """Whether points are drawn, and so can be taken hold of."""
        self._mouse: FloatArray | None = None
        """Where the mouse is on the canvas; None when it is elsewhere."""
        self.model.scene.camera.events.connect(self._on_look)
        place.native.installEventFilter(self)
        self.model.mouse_drag_callbacks.append(self._on_press)
        self.model.mouse_move_callbacks.append(self._on_move)
        self.model.mouse_double_click_callbacks.append(self._on_double)

    def let_go(self) -> None:
        """Follow it no more."""
        self.model.scene.camera.events.disconnect(self._on_look)

    def _on_move(self, model: Any, event: Any) -> None:
        self._mouse = np.asarray(event.pos, dtype=np.float64)
        pixel = self.place.pixel(event.position)
        if self.place.holds(pixel):
            self.desk.look_at_view(self.view, pixel)
            if not event.is_dragging:
                self._name(self._hit(pixel))

    def _name(self, hit: tuple[int, int] | None) -> None:
        """Let the point under the mouse be named when the mouse rests on it."""
        words = "" if hit is None else self.desk.named(*hit)
        if hit is not None:
            state = LabelState(int(self.desk.solution.states[(self.view, *hit)]))
            words += f": {LOOKS[state].words}" if state in LOOKS else ""
        if self.place.native.toolTip() != words:
            self.place.native.setToolTip(words)

    def _on_look(self, event: object = None) -> None:
        """Another part of the image is under the mouse, though it did not move."""
        if self._mouse is not None and self.desk.focus == self.view:
            pixel = self.place.pixel_at(self._mouse)
            self.desk.look_at_view(self.view, pixel if self.place.holds(pixel) else None)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Nothing is under a mouse that left the canvas."""
        if event is not None and event.type() == QEvent.Type.Leave:
            self._mouse = None
            if self.desk.focus == self.view:
                self.desk.look_at_view(self.view, None)
        return False

    def _hit(self, pixel: FloatArray) -> tuple[int, int] | None:
        """Animal and keypoint of the point under the mouse."""
        places = self.desk.solution.points[self.view]
        away = np.linalg.norm(places - pixel, axis=-1) * self.model.scene.camera.zoom
        if not self.sees_points or not np.isfinite(away).any() or np.nanmin(away) > _CATCH_PX:
            return None
        animal, keypoint = np.unravel_index(int(np.nanargmin(away)), away.shape)
        return int(animal), int(keypoint)

    def _on_press(self, model: Any, event: Any) -> Iterator[None]:
        pixel = self.place.pixel(event.position)
        if not self.place.holds(pixel):
            return
        self.desk.look_at_view(self.view, pixel)
        hit = self._hit(pixel)
        if event.button == 2:
            self._on_right(hit)
        elif event.button == 1 and not event.modifiers:
            yield from self._hold(event, pixel, hit)

    def _on_double(self, model: Any, event: Any) -> None:
        """The second of two quick clicks: it does not come as a press."""
        pixel = self.place.pixel(event.position)
        if event.button == 1 and self.place.holds(pixel):
            self._click(pixel, self._hit(pixel))

    def _hold(self, event: Any, grip: FloatArray, hit: tuple[int, int] | None) -> Iterator[None]:
        """A press: let go at once it is a click; else it moves the point under it, or the image."""
        desk, start = self.desk, np.asarray(event.pos, dtype=np.float64)
        moment = desk.moment
        offset = np.zeros(2) if hit is None else desk.solution.points[(self.view, *hit)] - grip
        camera, moved = self.model.scene.camera, False
        camera.mouse_pan = hit is None
        try:
            yield
            while event.type == "mouse_move":
                self._mouse = np.asarray(event.pos, dtype=np.float64)
                moved |= bool(np.abs(np.asarray(event.pos) - start).max() > _CLICK_PX)
                if moved and hit is not None and moment == desk.moment:
                    desk.select(*hit)
                    desk.drag(self.view, *hit, self.place.pixel(event.position) + offset)
                yield
        finally:
            camera.mouse_pan = True
            self._on_look()
        if moment != desk.moment:
            return  # what was pressed is not there any more
        if not moved:
            self._click(grip, hit)
        elif hit is not None:
            desk.place(self.view, *hit, self.place.pixel(event.position) + offset)

    def _click(self, pixel: FloatArray, hit: tuple[int, int] | None) -> None:
        """Place the selected keypoint; where that is done, a click on another one selects that."""
        desk = self.desk
        selected = desk.animal, desk.keypoint
        is_placed = bool(desk.labels.clicked[(self.view, *selected)])
        if hit is not None and is_placed:
            desk.select(*hit)
        else:
            desk.place_and_next(self.view, pixel)

    def _on_right(self, hit: tuple[int, int] | None) -> None:
        """A right click: hidden here, or not, for the point under the mouse or the selected one."""
        if hit is not None:
            self.desk.select(*hit)
        self.desk.toggle_occluded()
