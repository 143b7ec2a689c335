"""One camera of the labelling panel: its frame, and the keypoints over it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_sdannce.labeling.where_it_lies import where_it_lies
from napari_sdannce.labels import LabelState
from napari_sdannce.overlay.colors import ColorBy, bone_colors, keypoint_colors
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.axes import to_napari
from napari_sdannce.widgets.drawn_marks import hide, hide_bones
from napari_sdannce.widgets.label_3d.camera_mouse import CameraMouse
from napari_sdannce.widgets.label_3d.drawn_cells import drawn_cells
from napari_sdannce.widgets.label_3d.fitting import Fitting
from napari_sdannce.widgets.layer_data import filled_bones, nowhere

if TYPE_CHECKING:
    from napari_sdannce.widgets.label_3d.desk import Desk
    from napari_sdannce.widgets.label_3d.places import Place

FloatArray = npt.NDArray[np.float64]

_POINT_SHARE = 0.012
"""Diameter of a point, of the image's width ..."""
_POINT_PX = (6, 14)
"""... but not less or more on the screen."""
_BONE_PX, _CURVE_PX = 2.5, 1.5
"""Widths of lines on the screen."""
_CURVE_SAMPLES = 60
_LEAST_PX = 12.0
"""Outlines smaller than this on the screen are not drawn."""
_OFF_PX = 3.0
"""Clicks farther from where the position in space is seen have a mark there."""
_FLAT = "translucent_no_depth"
"""What is added later is drawn over the rest; with depth, all lie in one plane, and the first."""
_OTHER = (1.0, 0.36, 0.95, 1.0)
"""Colour of the point that somebody else put."""
_CLOSE, _CLOSER = 0.2, 0.12
"""What is zoomed to is shown with this share of the image's width round it at least."""
_DARK = (0.0, 0.0, 0.0, 1.0)
_EDGE = 0.07
"""Width of the ring's dark edge, of its diameter."""
_TITLE = (
    "How far the clicks lie from the positions in space (median), the selected keypoint,\n"
    "and how far its click lies from where the other cameras say."
)
_LOUD = "#ffd34d"


class CameraView(QWidget):
    """Shows one camera; clicks place the selected keypoint, drags move points or the image.

    Parameters
    ----------
    desk
        Where labelling happens.
    view
        Index of the camera.
    place
        Where it is drawn.
    """

    def __init__(self, desk: Desk, view: int, place: Place, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.view = view
        self.place = place
        self.name = desk.subject.views[view]
        self.camera = desk.subject.cameras[view]
        self.gain, self.is_hidden = 1.0, False
        self.size_px = place.size
        self.model = place.model
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.RichText)
        # a longer title must not make its view wider while a point is dragged
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.title.setToolTip(_TITLE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        if not place.is_shared:
            layout.addWidget(place.canvas, stretch=1)
        self._frame: npt.NDArray[np.uint8] | None = None
        self.has_frame = False
        with napari_adapter.adding_layers(self.model):
            self._add_layers()
        self.fitting = None if place.is_shared else Fitting(self.model, self.show_whole_image)
        self.model.scene.camera.events.zoom.connect(self._on_zoom)
        self.mouse = CameraMouse(desk, view, place, self)

    def _add_layers(self) -> None:
        subject = self.desk.subject
        _, n_animals, n_keypoints = subject.shape
        by = ColorBy.KEYPOINT if n_animals == 1 else ColorBy.ANIMAL
        self.colors = keypoint_colors(subject.skeleton, range(n_animals), by)
        self._bone_colors = bone_colors(subject.skeleton, range(n_animals), by).reshape(-1, 4)
        width, height = self.size_px
        self._diameter = _POINT_SHARE * width
        add = self.model
        self.image = add.add_image(
            np.zeros((height, width, 3), np.uint8), rgb=True, name=self.name, cache=False,
            translate=self.place.corner,
        )  # fmt: skip
        n_curves = max(subject.shape[0] - 1, 1) * (_CURVE_SAMPLES - 1)
        self.curves = self._vectors("other views' lines of sight", n_curves, "#8fd3ff")
        self.bones = (
            self._vectors("bones", n_animals * len(subject.skeleton.bones), "white")
            if subject.skeleton.bones
            else None
        )
        rows = n_animals * n_keypoints
        self.from_3d = self._points("where 3D says", rows, 0.6)
        self.points = self._points("keypoints", rows, 1.0)
        self.chosen = self._points("selected", 1, 2.1)
        self.chosen.symbol, self.chosen.border_width = "ring", _EDGE
        # half the least size is napari's least edge of points that are drawn smaller than they are
        self.chosen.canvas_size_limits = (_POINT_PX[0], self.chosen.canvas_size_limits[1])
        self.other = self._points("what the other clicked", 1, 1.6)
        self.other.symbol = "diamond"
        self.from_3d.symbol = "cross"

    def _points(self, name: str, n: int, size: float) -> Any:
        layer = self.model.add_points(
            np.tile(nowhere(), (n, 1)), name=name, size=size * self._diameter, border_width=0.15,
            face_color=np.ones((n, 4)), border_color=np.ones((n, 4)),
            translate=self.place.corner, blending=_FLAT,
        )  # fmt: skip
        layer.canvas_size_limits = tuple(round(size * limit) for limit in _POINT_PX)
        layer.editable = False
        layer.text.visible = False  # there is none, and it would be drawn
        return layer

    def _vectors(self, name: str, n: int, color: str) -> Any:
        layer = self.model.add_vectors(
            np.zeros((n, 2, 2)), name=name, vector_style="line", edge_color=color,
            translate=self.place.corner, blending=_FLAT,
        )  # fmt: skip
        layer.editable = False
        return layer

    # what is shown

    def show_frame(self, frame: npt.NDArray[np.uint8] | None) -> None:
        """Show an image; None: the camera has none at this moment."""
        width, height = self.size_px
        self._frame = np.zeros((height, width, 3), np.uint8) if frame is None else frame
        self.has_frame = frame is not None
        (self.desk.without_image.discard if self.has_frame else self.desk.without_image.add)(
            self.view
        )
        self._push()

    def set_gain(self, gain: float) -> None:
        """Make the image brighter or darker."""
        self.gain = gain
        self._push()

    def _push(self) -> None:
        frame = self._frame
        if frame is None:
            return
        if self.gain != 1.0:
            frame = np.asarray(cv2.convertScaleAbs(frame, alpha=self.gain), np.uint8)
        # in place: another array would make napari measure all layers anew
        self.image.data[...] = frame
        _redraw(self.image)

    def refill(self) -> None:
        """Draw the labels of the moment."""
        solution, labels = self.desk.solution, self.desk.labels
        cells = drawn_cells(solution, self.view, self.colors)
        points, sizes = self.points, cells.sizes * self._diameter
        looks_same = np.array_equal(points.symbol, cells.symbols)
        if not (looks_same and np.array_equal(points.size, sizes)):
            points.symbol[...], points.size[...] = cells.symbols, sizes
            looks_same = False
        places = _waiting(cells.points, cells.shown)
        self._show(points, places, cells.shown, (cells.faces, cells.borders), same=looks_same)
        clicked = labels.clicked[self.view].ravel()
        projected = solution.projected[self.view].reshape(-1, 2)
        # a mark on every click would hide it; NaN where there is no position
        there = clicked & (solution.residual_px[self.view].ravel() > _OFF_PX)
        there &= np.isfinite(projected).all(axis=-1)
        own = self.colors.reshape(-1, 4)
        black = np.tile((0.0, 0.0, 0.0, 1.0), (len(own), 1))
        self._show(self.from_3d, _waiting(projected, there), there, (own, black))
        shown = cells.shown.reshape(solution.points.shape[1:3]) & (not self.is_hidden)
        # bones end where the other views say, not at a click that they outvote
        outvoted = (solution.states[self.view] == LabelState.REJECTED)[..., None]
        ends = np.where(outvoted, solution.projected[self.view], solution.points[self.view])
        self._draw_bones(ends, shown & np.isfinite(ends).all(axis=-1))
        self.show_selected()

    def _draw_bones(self, points: FloatArray, shown: npt.NDArray[np.bool_]) -> None:
        if self.bones is None:
            return
        lines = filled_bones(points, shown, self.desk.subject.skeleton.bones, nowhere())
        if not np.array_equal(self.bones.data, lines):
            self.bones.data[...] = lines
            hide_bones(self.bones, self._bone_colors)
            _redraw(self.bones)

    def show_selected(self) -> None:
        """Ring the selected keypoint, and draw where other views say that it lies."""
        desk, solution = self.desk, self.desk.solution
        place = solution.points[self.view, desk.animal, desk.keypoint]
        is_there = bool(np.isfinite(place).all())
        there = np.array([is_there])
        # white with a dark edge, to be seen on white animals, too
        ring = (np.ones((1, 4)), np.array([_DARK]))
        self._show(self.chosen, _waiting(place[None], there), there, ring)
        self._draw_other()
        self._draw_curves()
        self.write_title()

    def _draw_other(self) -> None:
        """Draw what somebody else clicked here, hollow."""
        place = self._other_place()[None]
        there = np.array([bool(np.isfinite(place).all())])
        look = (np.zeros((1, 4)), np.array([_OTHER]))
        self._show(self.other, _waiting(place, there), there, look)

    def _other_place(self) -> FloatArray:
        """(2,) px where somebody else put the point, here and now; else NaN."""
        other = self.desk.other_click
        here = (self.desk.sample_id, self.view)
        if other is None or (other.sample_id, other.view) != here:
            return np.full(2, np.nan)
        return other.place

    def _draw_curves(self) -> None:
        desk = self.desk
        cell = desk.animal, desk.keypoint
        lines = np.zeros_like(self.curves.data)
        if not self.is_hidden:
            drawn = to_napari(
                where_it_lies(
                    desk.subject, desk.labels, desk.solution, self.view, cell, _CURVE_SAMPLES
                )
            )
            spans = np.nan_to_num(np.ptp(drawn, axis=1), nan=np.inf).max(axis=-1, initial=0.0)
            # a mark would hide them, and drawing lines anew is what costs time
            drawn = drawn[spans * self.model.scene.camera.zoom > _LEAST_PX]
            ends = np.stack([drawn[:, :-1], np.diff(drawn, axis=1)], axis=2).reshape(-1, 2, 2)
            ends[~np.isfinite(ends).all(axis=(1, 2))] = 0
            lines[: len(ends)] = ends
        if not np.array_equal(self.curves.data, lines):
            self.curves.data[...] = lines
            hide_bones(self.curves, np.tile((0.56, 0.83, 1.0, 0.9), (len(lines), 1)))
            _redraw(self.curves)

    def _show(
        self,
        layer: Any,
        places: FloatArray,
        shown: npt.NDArray[np.bool_],
        colors: tuple[FloatArray, FloatArray],
        *,
        same: bool = True,
    ) -> None:
        """Put points at places (n, 2), row and column; nothing is drawn where nothing changed.

        `same`: what else there is of them looks as before.
        """
        visible = shown & (not self.is_hidden)
        faces = np.where(visible[:, None], colors[0], 0.0)
        borders = np.where(visible[:, None], colors[1], 0.0)
        if (
            same
            and np.array_equal(layer.data, places)
            and np.array_equal(layer.shown, visible)
            and np.allclose(layer.face_color, faces)
            and np.allclose(layer.border_color, borders)
        ):
            return
        layer.data[...] = places
        hide(layer, ~visible, colors)
        _redraw(layer)

    def write_title(self) -> None:
        """Say which camera it is, how well its points fit, and what a click places."""
        solution, desk = self.desk.solution, self.desk
        # on a ground of its own, it is seen in light themes as in dark ones
        style = f"background: {_LOUD}; color: black" if desk.focus == self.view else ""
        said = [f'<b style="{style}">&nbsp;{escape(self.name)}&nbsp;</b>']
        if self._frame is not None and not self.has_frame:
            said.append("no frame")
        if self.camera is None:
            said.append("not calibrated")
        residuals = solution.residual_px[self.view]
        if np.isfinite(residuals).any():
            said.append(f"{np.nanmedian(residuals):.1f} px")
        error = solution.error_px[self.view, desk.animal, desk.keypoint]
        if np.isfinite(error):
            said.append(f"{escape(desk.selected_name)} {error:.1f} px off")
        elif desk.focus == self.view:
            said.append(escape(desk.selected_name))
        if desk.view_to_click == self.view:
            said.append("click here next")
        self.title.setText(" &nbsp; ".join(said))

    def set_hidden(self, hidden: bool) -> None:
        """Hide everything that is drawn over the image, or show it again."""
        self.is_hidden = hidden
        self.mouse.sees_points = not hidden
        self.refill()

    # zoom

    def show_whole_image(self) -> None:
        """Fit the image into its canvas."""
        self.model.fit_to_view(layers=[self.image], margin=0.02)

    def _on_zoom(self, event: object = None) -> None:
        """Keep lines as thin on the screen as they were."""
        zoom = self.model.scene.camera.zoom
        for layer, width in ((self.bones, _BONE_PX), (self.curves, _CURVE_PX)):
            if layer is not None:
                layer.edge_width = width / zoom
        self._draw_curves()

    def zoom_to(self, animal: int) -> bool:
        """Bring an animal into the middle; False when it is not seen here."""
        return self._zoom_to(self.desk.solution.points[self.view, animal], _CLOSER)

    def zoom_to_point(self, animal: int, keypoint: int) -> None:
        """Bring a keypoint into the middle, and where somebody else put it.

        Where it is not seen, the image is shown whole.
        """
        ours = self.desk.solution.points[self.view, animal, keypoint]
        if not self._zoom_to(np.stack([ours, self._other_place()]), _CLOSE):
            self.show_whole_image()

    def _zoom_to(self, places: FloatArray, share: float) -> bool:
        known = places[np.isfinite(places).all(axis=-1)]
        if not len(known):
            return False
        low, high = known.min(axis=0), known.max(axis=0)
        middle = (low + high) / 2
        span = max(float((high - low).max()) * 1.5, share * self.size_px[0])
        self.place.look_at(middle, span)
        return True

    def follow(self, animal: int) -> None:
        """Bring an animal into the middle, the zoom staying as it is."""
        places = self.desk.solution.points[self.view, animal]
        known = places[np.isfinite(places).all(axis=-1)]
        if len(known):
            self.place.look_at(known.mean(axis=0))

    def let_go(self) -> None:
        """Follow the canvas no more: it is about to be closed."""
        if self.fitting is not None:
            self.fitting.stop()
        self.model.scene.camera.events.zoom.disconnect(self._on_zoom)
        self.mouse.let_go()


def image_size(desk: Desk, view: int) -> tuple[int, int]:
    """(width, height) px of a camera's video, else as its calibration says."""
    there, camera = desk.video.sizes[view], desk.subject.cameras[view]
    size = there if there is not None or camera is None else camera.image_size
    return (640, 480) if size is None else (int(size[0]), int(size[1]))


def _waiting(points: FloatArray, shown: npt.NDArray[np.bool_]) -> FloatArray:
    """Rows and columns of points (n, 2) px; what is not shown waits in a corner."""
    return np.where(shown[:, None], to_napari(points), nowhere())


def _redraw(layer: Any) -> None:
    layer.refresh(extent=False, thumbnail=False, highlight=False)
