"""Cameras whose frames are not of the moments that they are taken for: some were lost, or gained.

Each camera tells by itself how the board stood to it. Where frames belong together, how two cameras
stand to each other comes out the same at all moments; where they do not, it does so only when the
frames of one are counted otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .pose_graph import find_pair, find_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.detection.detections import Detections

    from .pose_graph import Guesses, Pair

_FARTHEST = 6
"""Frames by which a camera is tried to be off."""
_FIT = 0.75
"""Share of moments at which pairs of cameras that are in step agree, and more."""
_TELLING = 0.3
"""Share of the moments that must agree better, so that it is told."""
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Shift:
    """A camera that is off by some frames.

    Parameters
    ----------
    view
        The camera.
    frames
        By how many: its frame n + `frames` is of moment n.
    gain
        By how much larger the share of its moments is that fit then.
    since
        From this moment on, or until it, as `until` says; None: at all moments.
    until
        Whether it is off until that moment.
    """

    view: int
    frames: int
    gain: float
    since: int | None = None
    until: bool = False

    def told(self, names: Sequence[str]) -> str:
        """It in a sentence."""
        frame = abs(self.frames) + 100
        when = "" if self.since is None else (
            f"{'until' if self.until else 'from'} about frame {self.since} "
            f"{'on ' if not self.until else ''}"
        )  # fmt: skip
        mine, theirs = (frame, 100) if self.frames > 0 else (100, frame)
        lost = "the others lost frames" if self.frames > 0 else "it lost frames"
        return (
            f"{names[self.view]} is not in step with the others: {when}its frame {mine} shows what "
            f"theirs show at {theirs}, so that {lost}, or recording began at different times"
        )


def find_shifts(
    detections: Detections, guesses: Guesses, pairs: Sequence[Pair]
) -> tuple[Shift, ...]:
    """Cameras that fit the others when their frames are counted otherwise.

    Where frames were lost on the way, a camera is off in one half of the recording only.

    Parameters
    ----------
    detections
        All sightings.
    guesses
        Of each, poses of the board.
    pairs
        How cameras stand to each other as frames are counted now.
    """
    shifts = _all_along(detections, guesses, pairs)
    if shifts or not _doubtful(detections, pairs):
        return shifts
    middle = int(np.median(detections.moment))
    found = []
    for until in (False, True):
        half = (detections.moment < middle) == until
        part, own = detections.take(half), guesses.take(half)
        among = find_pairs(part, own)
        found += [
            replace(shift, since=middle, until=until) for shift in _all_along(part, own, among)
        ]
    return tuple(found)


def _doubtful(detections: Detections, pairs: Sequence[Pair]) -> list[int]:
    """Cameras that do not agree with the others as those in step do."""
    return [
        view
        for view in range(len(detections.names))
        if (_moments(pairs, view) >= _FEWEST) and _agreeing(pairs, view) < _FIT
    ]


def _all_along(
    detections: Detections, guesses: Guesses, pairs: Sequence[Pair]
) -> tuple[Shift, ...]:
    """Cameras that are off at all moments, the worst first."""
    doubtful = _doubtful(detections, pairs)
    # where all disagree, one is to blame: the one whose shift mends most
    found = [shift for view in doubtful if (shift := _best(detections, guesses, pairs, view))]
    found.sort(key=lambda shift: -shift.gain)
    kept: list[Shift] = []
    for shift in found:
        rest = [pair for pair in pairs if not {pair.first, pair.second} & {s.view for s in kept}]
        if not kept or (_moments(rest, shift.view) and _agreeing(rest, shift.view) < _FIT):
            kept.append(shift)
    return tuple(kept)


def _best(
    detections: Detections, guesses: Guesses, pairs: Sequence[Pair], view: int
) -> Shift | None:
    before = _agreeing(pairs, view)
    mine = [(pair.first, pair.second) for pair in pairs if view in (pair.first, pair.second)]
    shares = {}
    for frames in (*range(-_FARTHEST, 0), *range(1, _FARTHEST + 1)):
        late = np.where(detections.view == view, frames, 0)
        counted = replace(detections, moment=detections.moment - late)
        found = (find_pair(counted, guesses, *ends) for ends in mine)
        among = [pair for pair in found if pair is not None]
        if _moments(among, view) >= _moments(pairs, view) / 2:
            shares[frames] = _agreeing(among, view)
    best = max(shares, key=lambda frames: shares[frames], default=0)
    gain = shares[best] - before if best else 0.0
    return Shift(view, best, gain) if gain > _TELLING else None


def _moments(pairs: Sequence[Pair], view: int) -> int:
    """Moments that a camera shares with others, counted for each of them."""
    return sum(pair.shared for pair in pairs if view in (pair.first, pair.second))


def _agreeing(pairs: Sequence[Pair], view: int) -> float:
    """Share of them that agree on how the two stand to each other."""
    mine = [pair for pair in pairs if view in (pair.first, pair.second)]
    return sum(pair.agreeing for pair in mine) / max(sum(pair.shared for pair in mine), 1)
