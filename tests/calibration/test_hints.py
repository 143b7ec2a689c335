"""What is said to be missing while a board is shown to cameras."""

from __future__ import annotations

import numpy as np

from napari_sdannce.calibration.hints import groups_of, hints_of
from napari_sdannce.settings.events import BoardCoverage

FULL, LEFT = (3,) * 64, ((3,) * 4 + (0,) * 4) * 8


def coverage(cells, shared) -> BoardCoverage:
    names = tuple(f"cam{i}" for i in range(len(cells)))
    return BoardCoverage(cameras=names, cells=cells, shared=shared)


def test_nothing_is_missing() -> None:
    assert hints_of(coverage((FULL, FULL), ((20, 9), (9, 20)))) == ()


def test_the_worst_comes_first() -> None:
    shared = ((20, 9, 2, 0), (9, 20, 4, 0), (2, 4, 20, 0), (0, 0, 0, 0))
    hints = hints_of(coverage((FULL, LEFT, FULL, (0,) * 64), shared))
    assert hints == (
        "cam3 has not seen the board yet",
        "show the board to cam2 and cam1 at once",
        "bring the board to the upper right of cam1",
    )


def test_cameras_are_joined_over_others() -> None:
    chain = np.array([[9, 5, 0], [5, 9, 5], [0, 5, 9]])
    assert groups_of(chain, [0, 1, 2]) == [[0, 1, 2]]
