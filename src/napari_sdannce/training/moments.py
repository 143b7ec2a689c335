"""Reading the video frames that labels belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.video import RecordingVideo

    Image = npt.NDArray[np.uint8]


def labelled_frames(
    video: RecordingVideo, sample_ids: npt.NDArray[np.int64]
) -> Iterator[Sequence[Image | None]]:
    """Images of each labelled moment, decoded ahead; all None for a moment the recording lacks.

    Parameters
    ----------
    video
        The recording's videos.
    sample_ids
        (F,) keys of the moments.
    """
    there = video.sample_ids
    order = np.argsort(there, kind="stable")
    place = np.searchsorted(there, sample_ids, sorter=order)
    moments = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(0, dtype=int)
    known = there[moments] == sample_ids if len(order) else np.zeros(len(sample_ids), dtype=bool)
    images = video.frames([int(moment) for moment in moments[known]])
    for is_known in known:
        yield next(images) if is_known else [None] * len(video.cameras)
