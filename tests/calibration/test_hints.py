"""What is said to be missing while a board is shown to cameras."""

from __future__ import annotations

import numpy as np

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.detection.coverage import Coverage, shared_moments
from napari_sdannce.calibration.detection.detect import Sighting
from napari_sdannce.calibration.detection.hints import groups_of, hints_of
from napari_sdannce.settings.events import BoardCoverage
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig

BOARD = CharucoBoard(8, 6, 25.0, 18.0)
FULL, LEFT = (3,) * 64, ((3,) * 4 + (0,) * 4) * 8


def coverage(cells, shared, tilts=None, depths=None) -> BoardCoverage:
    n = len(cells)
    names = tuple(f"cam{i}" for i in range(n))
    return BoardCoverage(
        cameras=names,
        cells=cells,
        shared=shared,
        tilts=tilts or (40.0,) * n,
        depths=depths or (2.0,) * n,
    )


def test_nothing_is_missing() -> None:
    assert hints_of(coverage((FULL, FULL), ((20, 9), (9, 20)))) == ()


def test_the_worst_comes_first() -> None:
    shared = ((20, 9, 2, 0), (9, 20, 4, 0), (2, 4, 20, 0), (0, 0, 0, 0))
    hints = hints_of(coverage((FULL, LEFT, FULL, (0,) * 64), shared))
    assert hints == (
        "the board was not seen by cam3 yet",
        "show the board to cam2 and cam1 at once",
        "bring the board to the upper right of cam1",
    )


def test_what_is_still_looked_at_is_not_missing() -> None:
    shared = ((20, 0, 0), (0, 20, 0), (0, 0, 0))
    hints = hints_of(coverage((FULL, LEFT, (0,) * 64), shared), so_far=True)
    assert hints == ("bring the board to the upper right of cam1",)


def test_how_the_board_was_not_held_comes_last() -> None:
    shared = ((20, 9, 0), (9, 20, 0), (0, 0, 0))
    seen = coverage((FULL, FULL, (0,) * 64), shared, (12.0, 29.0, 0.0), (2.0, 1.2, 1.0))
    assert hints_of(seen)[1:] == (
        "tilt the board by 30 to 45 degrees before cam0, cam1",
        "bring the board nearer and farther before cam1",
    )
    assert hints_of(seen, so_far=True) == ()


def test_shared_moments_are_counted_as_they_come_and_from_all() -> None:
    """Whatever order sightings come in, and when one comes twice."""
    made = board_rig(BoardRigSettings(cameras=4, moments=20), 3).detections
    counted = Coverage(made.names, BOARD.points)
    order = np.random.default_rng(0).permutation(len(made))
    for g in [*order, order[0]]:
        view = int(made.view[g])
        sighting = Sighting(made.corners[g])
        counted.add(view, int(made.moment[g]), sighting, made.image_sizes[view])
    moments = [set(made.moment[made.view == view].tolist()) for view in range(4)]
    expected = [[len(one & other) for other in moments] for one in moments]
    assert counted.shared.tolist() == expected == [list(row) for row in counted.event().shared]
    assert shared_moments(made.saw).tolist() == expected
    assert Coverage(("a", "b"), BOARD.points).event().shared == ((0, 0), (0, 0))


def test_cameras_are_joined_over_others() -> None:
    chain = np.array([[9, 5, 0], [5, 9, 5], [0, 5, 9]])
    assert groups_of(chain, [0, 1, 2]) == [[0, 1, 2]]
