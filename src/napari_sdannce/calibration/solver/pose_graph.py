"""Where the cameras stand, from the boards that pairs of them saw at the same moments.

Each sighting says where its board may be: two poses of a plane, times the ways in which the board
looks the same turned. A pair of cameras that share moments so has many guesses of how one stands to
the other, of which the right ones agree with each other and the wrong ones do not. The pairs that
most moments agree on hold the rig together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from napari_sdannce.calibration.errors import CalibrationError

from .board_poses import guess_poses
from .rigid import Motions, nearest_rotation, stack

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
    """Poses of the board in the cameras that saw it, for each order of its corners.

    Parameters
    ----------
    poses
        (H,) from the board into the camera: all of a sighting one after the other, those for the
        first order of its corners first, and as many for each.
    starts
        (G + 1,) row of the first of each of G sightings, and H; none where the board can not be
        placed.
    orders
        In how many orders corners look the same.
    """

    poses: Motions
    starts: IntArray
    orders: int

    @property
    def counts(self) -> IntArray:
        """(G,) how many there are for each sighting."""
        return np.diff(self.starts)

    def rows_of(self, sighting: int, *, first_order: bool = False) -> range:
        """Rows of a sighting; those for the first order of its corners alone, or all."""
        start, end = self.starts[sighting : sighting + 2].tolist()
        return range(start, start + (end - start) // self.orders if first_order else end)

    def take(self, which: npt.NDArray[np.bool_]) -> Self:
        """Only those of some sightings."""
        counts = self.counts
        kept = np.repeat(which, counts)
        starts = np.concatenate([[0], np.cumsum(counts[which])])
        return replace(self, poses=self.poses[kept], starts=starts)


def guess_all(lens: Lens, numbers: FloatArray, board: Board, detections: Detections) -> Guesses:
    """Guesses of each sighting.

    What a board that looks the same turned can be is known from one order of its corners: with the
    others it is the same poses, turned. So whatever is seen, there are as many for each.
    """
    found, turns = guess_poses(lens, numbers, board.points, detections), turns_of(board)
    least = np.full(len(detections), np.inf)
    np.minimum.at(least, found.sighting, found.errors_px)
    good = found.errors_px <= _CLEAR * np.maximum(least[found.sighting], 0.5)
    poses, n = found.poses[good], len(turns)
    counts = np.bincount(found.sighting[good], minlength=len(detections))
    starts = np.concatenate([[0], np.cumsum(n * counts)])
    # of each sighting all poses with one turn, then with the next
    turn, pose = _products(np.full(len(counts), n), counts)
    first = np.repeat(starts[:-1] // n, n * counts)
    return Guesses(poses[first + pose] @ turns[turn], starts, n)


def _products(one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """For each of T: all pairs of a number below `one` (T,) and one below `other` (T,)."""
    n = one * other
    place = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    each = np.repeat(other, n)
    return place // each, place % each


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


def find_pairs(detections: Detections, guesses: Guesses) -> list[Pair]:
    """All pairs of cameras that share moments, each with the motion that most moments agree on."""
    views = combinations(range(len(detections.names)), 2)
    found = (find_pair(detections, guesses, *pair) for pair in views)
    return [pair for pair in found if pair is not None]


def find_pair(detections: Detections, guesses: Guesses, first: int, second: int) -> Pair | None:
    """How one camera stands to another, by most of the moments that they share; None without."""
    usable = guesses.counts > 0
    one, other = (np.flatnonzero(usable & (detections.view == view)) for view in (first, second))
    moments, i, j = np.intersect1d(
        detections.moment[one], detections.moment[other], return_indices=True
    )
    if not len(moments):
        return None
    every = max(1, len(moments) // _MOST_MOMENTS)
    one, other = one[i][::every], other[j][::every]
    # only how the orders differ matters: those of the first camera stay as they are
    n_one, n_other = guesses.counts[one] // guesses.orders, guesses.counts[other]
    of_moment = np.repeat(np.arange(len(one)), n_one * n_other)
    here, there = _products(n_one, n_other)
    after = guesses.poses[guesses.starts[other][of_moment] + there]
    motions = after @ guesses.poses[guesses.starts[one][of_moment] + here].inverse
    agree = _agreement(motions, np.linalg.norm(after.translation, axis=1))
    best, support = _most_agreed(agree, of_moment)
    used = agree[best] < 1
    motion = _mean(motions[used], 1 - agree[best][used])
    return Pair(first, second, motion, support * every, len(moments))


def _agreement(motions: Motions, depths: FloatArray) -> FloatArray:
    """(N, N) how far motions are apart; up to 1 they agree."""
    turns, shifts = motions.rotation.reshape(-1, 9), motions.translation
    # of all pairs at once: (a - b)^2 = a^2 + b^2 - 2 a b, and rotations have a^2 = 3
    chord = np.sqrt(np.maximum(6 - 2 * turns @ turns.T, 0) / 8)
    turn = 2 * np.arcsin(np.minimum(chord, 1))
    squares = (shifts**2).sum(axis=1)
    shift = np.sqrt(np.maximum(squares[:, None] + squares - 2 * shifts @ shifts.T, 0))
    # the shift of the board: that of its origin says nothing if the turn is off as well
    return np.asarray(np.hypot(turn / _TURN, shift / (_SHIFT * (depths[:, None] + depths[None]))))


def _most_agreed(apart: FloatArray, of_moment: IntArray) -> tuple[int, int]:
    """Motion that most moments agree with, and how many; `of_moment` (N,) rises."""
    starts = np.flatnonzero(np.diff(of_moment, prepend=-1))
    nearest = np.minimum.reduceat(apart, starts, axis=1)
    support = np.clip(1 - nearest**2, 0, None)
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
