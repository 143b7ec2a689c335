"""What is said to be missing while a board is shown to cameras."""

from __future__ import annotations

import numpy as np

from napari_sdannce.calibration.coverage import Coverage, shared_moments
from napari_sdannce.calibration.hints import groups_of, hints_of
from napari_sdannce.settings.events import BoardCoverage
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig

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
        "the board was not seen by cam3 yet",
        "show the board to cam2 and cam1 at once",
        "bring the board to the upper right of cam1",
    )


def test_what_is_still_looked_at_is_not_missing() -> None:
    shared = ((20, 0, 0), (0, 20, 0), (0, 0, 0))
    hints = hints_of(coverage((FULL, LEFT, (0,) * 64), shared), so_far=True)
    assert hints == ("bring the board to the upper right of cam1",)


def test_shared_moments_are_counted_as_they_come_and_from_all() -> None:
    """Whatever order sightings come in, and when one comes twice."""
    made = board_rig(BoardRigSettings(cameras=4, moments=20), 3).detections
    counted = Coverage(made.names)
    order = np.random.default_rng(0).permutation(len(made))
    for g in [*order, order[0]]:
        view = int(made.view[g])
        counted.add(view, int(made.moment[g]), made.corners[g], made.image_sizes[view])
    moments = [set(made.moment[made.view == view].tolist()) for view in range(4)]
    expected = [[len(one & other) for other in moments] for one in moments]
    assert counted.shared.tolist() == expected == [list(row) for row in counted.event().shared]
    assert shared_moments(made.saw).tolist() == expected
    assert Coverage(("a", "b")).event().shared == ((0, 0), (0, 0))


def test_cameras_are_joined_over_others() -> None:
    chain = np.array([[9, 5, 0], [5, 9, 5], [0, 5, 9]])
    assert groups_of(chain, [0, 1, 2]) == [[0, 1, 2]]
