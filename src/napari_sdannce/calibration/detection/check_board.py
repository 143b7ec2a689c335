"""Whether the board that is seen is the one that was described."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.calibration.errors import CalibrationError

from .boards_found import without_lengths
from .variants import find_variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
    from napari_sdannce.calibration.sources.board_source import BoardSource

    from .detect import Image
    from .find_boards import FoundBoards

_BEST, _ANY = 3, 5
"""How many images are looked at anew."""


def check_board(
    source: BoardSource,
    board: CharucoBoard | Checkerboard,
    found: FoundBoards,
    moments: Sequence[int],
) -> str:
    """What is wrong with the description of a board; empty when nothing is.

    Parameters
    ----------
    source
        Images.
    board
        As it was described.
    found
        What was found of it.
    moments
        Moments that were looked at.

    Raises
    ------
    CalibrationError
        When it was found nowhere, and what is there instead.
    """
    pairs = _telling(source, found, moments)
    variant = find_variant(_images(source, pairs), board)
    seen = set(zip(found.detections.moment.tolist(), found.detections.view.tolist(), strict=True))
    # markers of another size are found all the same
    is_other = variant is not None and without_lengths(variant.board) != without_lengths(board)
    if variant is not None and is_other and variant.n_images > len(seen & set(pairs)):
        raise CalibrationError(f"the board that is seen is not as its file says: {variant.told}")
    if not seen:
        raise CalibrationError(
            f"no camera saw the board in {found.looked_at} images, and no other board was seen in "
            "some of them: is it in the images, sharp and large enough?"
        )
    return "" if variant is None else variant.told


def _telling(
    source: BoardSource, found: FoundBoards, moments: Sequence[int]
) -> list[tuple[int, int]]:
    """Moments and cameras of some images: where most of the board was found, and any others."""
    best = np.argsort(-found.detections.seen.sum(axis=1), kind="stable")[:_BEST]
    pairs = [(int(found.detections.moment[g]), int(found.detections.view[g])) for g in best]
    for i, step in enumerate(np.linspace(0, len(moments) - 1, min(len(moments), _ANY))):
        pairs.append((moments[round(step)], i % len(source.names)))
    return list(dict.fromkeys(pairs))


def _images(source: BoardSource, pairs: Sequence[tuple[int, int]]) -> list[Image]:
    read = (source.read(moment, view) for moment, view in pairs)
    return [image for image in read if image is not None]
