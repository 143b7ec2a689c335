"""The pose in space while it is labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sdannce.overlay.colors import ColorBy
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.axes import to_napari
from napari_sdannce.widgets.label_3d.fitting import Fitting
from napari_sdannce.widgets.scene_layers import SceneLayers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.recording import Recording
    from napari_sdannce.skeletons import Skeleton
    from napari_sdannce.widgets.label_3d.desk import Desk

FloatArray = npt.NDArray[np.float64]

_ROUND, _LEAST = 1.3, 0.2
"""What is seen when an animal is zoomed to: of its extent, and of the radius of all at least."""


class LabelledPoses:
    """Positions in space of a session, as the 3D view draws them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        subject = desk.subject
        self.name = "labels"
        self.skeleton: Skeleton = subject.skeleton
        self.palette = tuple(range(len(subject.animals)))

    def moments(self) -> npt.NDArray[np.int64]:
        """Moments of which something is said."""
        return np.array(self._desk.moments_with_labels(), dtype=np.int64)

    def points_3d(self, moment: int) -> FloatArray:
        """(A, K, 3) mm, NaN where missing."""
        desk = self._desk
        if moment == desk.moment:
            return desk.solution.points_3d
        key = int(desk.subject.sync.sample_ids[moment])
        return desk.session.solution(key).points_3d


@dataclass(frozen=True, eq=False)
class _Drawn:
    marks: LabelledPoses
    shown: npt.NDArray[np.bool_]
    color_by: ColorBy


class _Shown:
    """What the layers of the 3D view follow."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        _, n_animals, n_keypoints = desk.subject.shape
        by = ColorBy.KEYPOINT if n_animals == 1 else ColorBy.ANIMAL
        shown = np.ones((n_animals, n_keypoints), bool)
        self.drawn: Sequence[_Drawn] = (_Drawn(LabelledPoses(desk), shown, by),)

    @property
    def recording(self) -> Recording:
        return self._desk.recording

    @property
    def moment(self) -> int:
        return self._desk.moment


class PoseView(QWidget):
    """An embedded 3D viewer that follows the desk. It needs a calibrated camera."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.model, self.canvas = napari_adapter.embedded_viewer("pose", ndisplay=3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(self.canvas)
        self.layers = SceneLayers(self.model, _Shown(desk))
        self._fitting = Fitting(self.model, self.layers.look)
        self._fitting.fit()

    def refill(self) -> None:
        """Draw the pose of the moment."""
        if self.isVisible():
            self.layers.refill(self.desk.moment)

    def show_all(self) -> None:
        """Show the floor whole, as at the beginning."""
        self._fitting.fit()

    def zoom_to(self, animal: int) -> None:
        """Bring an animal into the middle, the direction of view staying as it is."""
        known = self.desk.solution.points_3d[animal]
        known = known[np.isfinite(known).all(axis=-1)]
        if not len(known) or not self.isVisible():
            return
        low, high = known.min(axis=0), known.max(axis=0)
        span = max(_ROUND * float(np.linalg.norm(high - low)), _LEAST * self.layers.radius)
        camera = self.model.scene.camera
        camera.center = tuple(to_napari((low + high) / 2))
        camera.zoom = min(self.model.canvas.size) / span

    def close_canvas(self) -> None:
        """Let go of the canvas; it must not outlive its window."""
        self._fitting.stop()
        self.canvas.close()
        self.model.layers.clear()
