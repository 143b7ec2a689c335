"""Cameras whose clicks do not agree with the others', frame after frame: these have moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_sdannce.labeling.session import LabelingSession

_ENOUGH_CLICKS, _ENOUGH_FRAMES = 15, 3
_LEAST_PX = 4.0
"""People do not click more exactly than this."""
_TIMES = 2.0
"""A camera that is off draws the others' common position towards it: they look off, too."""


@dataclass(frozen=True, slots=True)
class OffView:
    """A view that is off in most frames.

    Parameters
    ----------
    view
        Index.
    median_px
        Median distance of its clicks from where the others put the keypoints.
    usual_px
        That of the other views.
    """

    view: int
    median_px: float
    usual_px: float


def views_off(session: LabelingSession) -> list[OffView]:
    """Views that are twice as far off as the others, over all labelled frames; the worst first.

    One click of another place is a slip; a view that is off everywhere has moved since it was
    calibrated, or its video is not in step.
    """
    n_views = session.subject.shape[0]
    errors = [session.solution(key).error_px.reshape(n_views, -1) for key in session.frames]
    if not errors:
        return []
    known = [np.isfinite(each) for each in errors]
    n_frames = np.stack([each.any(axis=1) for each in known]).sum(axis=0)
    by_view = [np.concatenate([e[view][k[view]] for e, k in zip(errors, known, strict=True)])
               for view in range(n_views)]  # fmt: skip
    told = [
        view
        for view in range(n_views)
        if len(by_view[view]) >= _ENOUGH_CLICKS and n_frames[view] >= _ENOUGH_FRAMES
    ]
    medians = {view: float(np.median(by_view[view])) for view in told}
    found = []
    for view, median in medians.items():
        usual = float(np.median([medians[other] for other in told if other != view] or [np.inf]))
        if median > max(_LEAST_PX, _TIMES * usual):
            found.append(OffView(view, median, usual))
    return sorted(found, key=lambda each: -each.median_px)
