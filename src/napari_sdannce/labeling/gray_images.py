"""Grey images of a recording in the order in which propagation needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.video.pixels import Image

HELD_BYTES = 512 << 20
"""Grey images held in memory."""


def gray_images(
    video: RecordingVideo,
    moments: Sequence[int],
    views: Sequence[int],
    held_bytes: int = HELD_BYTES,
) -> Iterator[list[Image | None]]:
    """Images of moments in turn, each decoded once.

    Video is decoded forwards: what is wanted backwards is read forwards, stretch by stretch, and
    held.

    Parameters
    ----------
    video
        Opened in any colour.
    moments
        Rows of the sync.
    views
        Numbers of the cameras in `video`.
    held_bytes
        Most bytes held.

    Yields
    ------
    list
        (H, W) uint8 for each of `views`, None where the camera has no image.
    """
    if list(moments) == sorted(moments):
        yield from video.frames(moments, views, color="gray")
        return
    length = fitting(video, views, held_bytes)
    for begin in range(0, len(moments), length):
        stretch = list(moments[begin : begin + length])
        rising = sorted(set(stretch))
        found = dict(zip(rising, video.frames(rising, views, color="gray"), strict=True))
        for moment in stretch:
            yield found[moment]


def fitting(video: RecordingVideo, views: Sequence[int], held_bytes: int = HELD_BYTES) -> int:
    """Moments whose grey images fit into memory, at least one."""
    sizes = [video.sizes[view] for view in views]
    each = sum(size[0] * size[1] for size in sizes if size is not None)
    return max(1, held_bytes // max(1, each))
