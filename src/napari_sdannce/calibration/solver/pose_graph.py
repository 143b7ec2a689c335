"""Where the cameras stand, from the boards that pairs of them saw at the same moments.

Each sighting says where its board may be: two poses of a plane, times the ways in which the board
looks the same turned. A pair of cameras that share moments so has many guesses of how one stands to
the other, of which the right ones agree with each other and the wrong ones do not. The pairs that
most moments agree on hold the rig together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from napari_sdannce.calibration.errors import CalibrationError

from .board_poses import guess_poses
from .rigid import Motions, angle_between, nearest_rotation, stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.boards.board_kinds import Board
    from napari_sdannce.calibration.detection.detections import Detections

    from .lenses import Lens

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_TURN = np.radians(4.0)
_SHIFT = 0.04
"""Guesses agree up to this angle, and this share of the distance to the board."""
_MOST_MOMENTS = 60
_FIRM = 2
"""Moments that must agree before a turn of a symmetric board is believed."""
_CLEAR = 3.0
"""A second pose this much worse than the first is not worth a thought."""


@dataclass(frozen=True, eq=False, slots=True)
class Guesses:
    """Poses of the board in the camera of one sighting, for each order of its corners.

    Parameters
    ----------
    poses
        (H,) from the board into the camera.
    order
        (H,) which of the board's symmetries each goes with.
    """

    poses: Motions
    order: IntArray


def guess_all(
    lens: Lens, numbers: FloatArray, board: Board, detections: Detections
) -> list[Guesses | None]:
    """Guesses of each sighting; None where the board can not be placed.

    What a board that looks the same turned can be is known from one order of its corners: with the
    others it is the same poses, turned. So whatever is seen, there are as many for each.
    """
    found, turns = guess_poses(lens, numbers, board.points, detections), turns_of(board)
    guesses: list[Guesses | None] = []
    for i in range(len(detections)):
        rows = np.flatnonzero(found.sighting == i)
        errors = found.errors_px[rows]
        poses = found.poses[rows[errors <= _CLEAR * max(errors.min(initial=np.inf), 0.5)]]
        turned = [poses[h] @ turns[k] for k in range(len(turns)) for h in range(len(poses))]
        order = np.repeat(np.arange(len(turns)), len(poses))
        guesses.append(Guesses(stack(turned), order) if turned else None)
    return guesses


def turns_of(board: Board) -> Motions:
    """(K,) motions of the board onto itself: corner i goes to where ``symmetries[k, i]`` was."""
    points = board.points[0]
    middle = points.mean(axis=0)
    turned = points[board.symmetries] - middle
    rotation = nearest_rotation(np.swapaxes(turned, -1, -2) @ (points - middle))
    return Motions(rotation, middle - rotation @ middle)


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """How one camera stands to another.

    Parameters
    ----------
    first, second
        Cameras.
    motion
        From the frame of the first into that of the second.
    agreeing, shared
        Moments that agree on it, and moments that both saw the board at.
    """

    first: int
    second: int
    motion: Motions
    agreeing: int
    shared: int


def find_pairs(detections: Detections, guesses: Sequence[Guesses | None]) -> list[Pair]:
    """All pairs of cameras that share moments, each with the motion that most moments agree on."""
    by_place = {
        (int(view), int(moment)): guess
        for view, moment, guess in zip(detections.view, detections.moment, guesses, strict=True)
        if guess is not None
    }
    n_views = len(detections.names)
    moments = [[m for v, m in sorted(by_place) if v == view] for view in range(n_views)]
    pairs = []
    for first in range(n_views):
        for second in range(first + 1, n_views):
            shared = sorted(set(moments[first]) & set(moments[second]))
            if shared:
                both = [(by_place[first, m], by_place[second, m]) for m in shared]
                pairs.append(_pair(first, second, both))
    return pairs


def _pair(first: int, second: int, both: list[tuple[Guesses, Guesses]]) -> Pair:
    every = max(1, len(both) // _MOST_MOMENTS)
    motions, depths, moment = [], [], []
    for t, (one, other) in enumerate(both[::every]):
        # only how the orders differ matters: those of the first camera stay as they are
        for i in np.flatnonzero(one.order == 0):
            for j in range(len(other.order)):
                motions.append(other.poses[j] @ one.poses[int(i)].inverse)
                depths.append(np.linalg.norm(other.poses[j].translation))
                moment.append(t)
    all_motions, of_moment = stack(motions), np.array(moment)
    agree = _agreement(all_motions, np.array(depths))
    best, support = _most_agreed(agree, of_moment)
    used = agree[best] < 1
    motion = _mean(all_motions[used], 1 - agree[best][used])
    return Pair(first, second, motion, support * every, len(both))


def _agreement(motions: Motions, depths: FloatArray) -> FloatArray:
    """(N, N) how far motions are apart; up to 1 they agree."""
    turn = angle_between(motions.rotation[:, None], motions.rotation[None])
    # the shift of the board: that of its origin says nothing if the turn is off as well
    shift = np.linalg.norm(motions.translation[:, None] - motions.translation[None], axis=-1)
    return np.asarray(np.hypot(turn / _TURN, shift / (_SHIFT * (depths[:, None] + depths[None]))))


def _most_agreed(apart: FloatArray, of_moment: IntArray) -> tuple[int, int]:
    """Motion that most moments agree with, and how many."""
    support = np.zeros((len(apart), of_moment.max() + 1))
    for t in range(support.shape[1]):
        support[:, t] = np.clip(1 - apart[:, of_moment == t].min(axis=1) ** 2, 0, None)
    best = int(np.argmax(support.sum(axis=1)))
    return best, int((support[best] > 0).sum())


def _mean(motions: Motions, weights: FloatArray) -> Motions:
    rotation = nearest_rotation(np.einsum("n,nij->ij", weights, motions.rotation)[None])[0]
    return Motions(rotation, np.average(motions.translation, axis=0, weights=weights))


def place_cameras(names: Sequence[str], pairs: Sequence[Pair]) -> Motions:
    """(V,) motions from the first camera's frame into each, along the pairs that hold best.

    Raises
    ------
    CalibrationError
        When cameras share no moment with the others.
    """
    n = len(names)
    ends = np.array([(pair.first, pair.second) for pair in pairs]).reshape(-1, 2)
    # the smallest sum of these is the tree of the strongest pairs; every weight above zero
    weak = np.array([1 / (pair.agreeing**2 / pair.shared + 1e-3) for pair in pairs])
    graph = coo_array((weak, (ends[:, 0], ends[:, 1])), shape=(n, n)).tocsr()
    _check_connected(names, graph)
    tree = minimum_spanning_tree(graph)
    order, before = breadth_first_order(tree, 0, directed=False)
    known = {(pair.first, pair.second): pair.motion for pair in pairs}
    placed: dict[int, Motions] = {0: Motions(np.eye(3), np.zeros(3))}
    for view in order[1:].tolist():
        near = int(before[view])
        step = known[near, view] if (near, view) in known else known[view, near].inverse
        placed[view] = step @ placed[near]
    return stack([placed[view] for view in range(n)])


def check_turns(board: Board, names: Sequence[str], pairs: Sequence[Pair]) -> None:
    """Raise when nothing tells which way round a symmetric board was seen by some cameras.

    At a single moment, any of its turns fits; only several moments agree on one.

    Raises
    ------
    CalibrationError
        When cameras hang together by single moments only.
    """
    if len(board.symmetries) == 1:
        return
    firm = [pair for pair in pairs if pair.agreeing >= _FIRM]
    for pair in pairs:
        if not _linked(len(names), firm, pair.first, pair.second):
            raise CalibrationError(
                f"{names[pair.first]} and {names[pair.second]} saw the board together at "
                f"{pair.shared} moment{'s' if pair.shared > 1 else ''} only, and it looks the same "
                "turned: record it longer where both see it, or take a ChArUco board"
            )


def _linked(n: int, pairs: Sequence[Pair], first: int, second: int) -> bool:
    ends = np.array([(pair.first, pair.second) for pair in pairs]).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    part = connected_components(graph, directed=False)[1]
    return bool(part[first] == part[second])


def _check_connected(names: Sequence[str], graph: coo_array) -> None:
    count, part = connected_components(graph, directed=False)
    if count == 1:
        return
    sizes = np.bincount(part)
    largest = int(np.argmax(sizes))
    away = [
        ", ".join(name for name, p in zip(names, part, strict=True) if p == other)
        for other in range(count)
        if other != largest
    ]
    rest = ", ".join(name for name, p in zip(names, part, strict=True) if p == largest)
    raise CalibrationError(
        f"{' and '.join(away)} never saw the board at the same moment as {rest}: record it "
        "where both see it"
    )
