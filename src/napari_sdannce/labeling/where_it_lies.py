"""Where in an image a keypoint can lie, as other views tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.epipolar import epipolar_curve
from napari_sdannce.labeling.uncertainty import ellipse, most_helpful
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.session import Subject
    from napari_sdannce.labeling.solving import Solution

FloatArray = npt.NDArray[np.floating]

_WORTH_IT = 0.85
"""Of the spread: a click that leaves more than this is not worth asking for."""


def where_it_lies(
    subject: Subject,
    labels: FrameLabels,
    solution: Solution,
    view: int,
    cell: tuple[int, int],
    samples: int = 60,
) -> FloatArray:
    """Lines in a view on or within which a keypoint lies.

    While it has no position in space, the lines of sight of the views that clicked it; then, where
    it was not clicked, the outline within which it lies 19 times in 20.

    Parameters
    ----------
    subject, labels, solution
        What is labelled, how, and what follows from it.
    view
        Index of the view.
    cell
        Animal and keypoint.
    samples
        Points of a line.

    Returns
    -------
    (n, samples, 2) px, NaN where a line cannot be seen.
    """
    camera = subject.cameras[view]
    none = np.zeros((0, samples, 2))
    if camera is None:
        return none
    if solution.complete[cell]:
        if labels.clicked[(view, *cell)]:
            return none
        return ellipse(camera, solution.points_3d[cell], solution.covariance[cell], samples)[None]
    curves = [
        epipolar_curve(source, labels.points[(other, *cell)], camera, samples=samples)
        for other, source in enumerate(subject.cameras)
        if other != view and source is not None and labels.clicked[(other, *cell)]
    ]
    return np.stack(curves) if curves else none


def view_to_click(
    subject: Subject, labels: FrameLabels, solution: Solution, cell: tuple[int, int]
) -> int | None:
    """View in which a click would make a keypoint's position most exact.

    None while it has no position, and where no further click is worth it.
    """
    if not solution.complete[cell]:
        return None
    states = labels.states[(slice(None), *cell)]
    said = (LabelState.OCCLUDED, LabelState.NOT_IN_VIEW)
    seen = np.isfinite(solution.projected[(slice(None), *cell)]).all(axis=-1)
    free = seen & ~labels.clicked[(slice(None), *cell)] & ~np.isin(states, said)
    best = most_helpful(
        subject.cameras,
        np.flatnonzero(free).tolist(),
        solution.points_3d[cell],
        solution.covariance[cell],
    )
    return None if best is None or best[1] > _WORTH_IT else best[0]
