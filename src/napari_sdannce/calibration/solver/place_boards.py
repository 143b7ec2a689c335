"""Where the board was at each moment, as the cameras agree on it.

One that looks the same turned gets its corners in the order in which it turned least since the
moment before: so it is the same corner from moment to moment, and it does not seem to jump.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .bundle import Rig, Sightings, miss_lengths
from .pose_graph import turns_of
from .rigid import Motions, angle_between, stack

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import Board
    from napari_sdannce.calibration.detection.detections import Detections

    from .lenses import Lens
    from .pose_graph import Guesses

FloatArray = npt.NDArray[np.float64]


def place_boards(
    lens: Lens,
    numbers: FloatArray,
    cameras: Motions,
    board: Board,
    detections: Detections,
    guesses: Guesses,
) -> tuple[Rig, Detections]:
    """Rig with a board at every moment, and detections with their corners in the order that fits.

    Sightings whose board can not be placed are left out. Of the orders of a symmetric board that
    fit alike, it is the one in which the board turned least since the moment before.
    """
    usable = guesses.counts > 0
    kept, known = detections.take(usable), guesses.take(usable)
    turns = turns_of(board)
    boards: list[Motions] = []
    corners = kept.corners.copy()
    for moment in kept.moments:
        here = np.flatnonzero(kept.moment == moment)
        now, likely = kept.take(here), known.take(kept.moment == moment)
        place, orders = _place_board(lens, numbers, cameras, board, now, likely)
        turn = _least_turn(boards[-1], place, turns) if boards else 0
        boards.append(place @ turns[turn])
        for i, k in zip(here, orders, strict=True):
            corners[i] = corners[i][board.symmetries[k]][board.symmetries[turn]]
    return Rig(numbers, cameras, stack(boards)), replace(kept, corners=corners)


def _least_turn(before: Motions, now: Motions, turns: Motions) -> int:
    """Which way of turning a board that looks the same brings it nearest to how it was before."""
    return int(np.argmin(angle_between((now @ turns).rotation, before.rotation)))


def _place_board(
    lens: Lens,
    numbers: FloatArray,
    cameras: Motions,
    board: Board,
    now: Detections,
    guesses: Guesses,
) -> tuple[Motions, list[int]]:
    """Pose of one moment's board that its cameras agree on most, and each one's order."""
    best: tuple[float, Motions, list[int]] | None = None
    for i in range(len(now)):
        for h in guesses.rows_of(i, first_order=i == 0):
            place = cameras[int(now.view[i])].inverse @ guesses.poses[h]
            errors = _errors(lens, Rig(numbers, cameras, stack([place])), board, now)
            cost = float(errors.min(axis=0).sum())
            if best is None or cost < best[0]:
                best = cost, place, np.argmin(errors, axis=0).tolist()
    assert best is not None
    return best[1], best[2]


def _errors(lens: Lens, rig: Rig, board: Board, now: Detections) -> FloatArray:
    """(K, G) saturating errors of the sightings of one moment, for each order of the corners."""
    found = []
    for order in board.symmetries:
        turned = replace(now, corners=now.corners[:, order])
        length = np.minimum(miss_lengths(rig, lens, Sightings.of(turned, board.points)), 1e6)
        seen = turned.seen
        mean = (length * seen).sum(axis=1) / seen.sum(axis=1)
        found.append(mean / (mean + 30))  # beyond some dozen px worse is not worse
    return np.stack(found)
