"""What a board should still be shown to, said while it is recorded or looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .stance import DEEP, TILTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.settings.events import BoardCoverage

IntArray = npt.NDArray[np.int64]

ENOUGH_CELLS = 0.4
"""Share of an image's cells in which a board should have been."""
ENOUGH_SHARED = 5
"""Moments; pairs of cameras that share fewer do not hold each other."""
_EMPTY = 0.3


def hints_of(coverage: BoardCoverage, *, so_far: bool = False) -> tuple[str, ...]:
    """Say what is missing, the worst first; nothing where all is covered.

    Parameters
    ----------
    coverage
        Where the board was.
    so_far
        Whether cameras are still being looked at: then nothing is said of those that have not seen
        the board, of pairs, and of how it is held.

    Examples
    --------
    >>> from napari_sdannce.settings.events import BoardCoverage
    >>> rows = (0, 0, 9, 9)  # corners in two rows of two cells
    >>> hints_of(
    ...     BoardCoverage(
    ...         cameras=("front",), cells=(rows,), shared=((12,),), tilts=(40.0,), depths=(1.5,)
    ...     )
    ... )
    ('bring the board to the upper left of front',)
    """
    blind = [n for i, n in enumerate(coverage.cameras) if not coverage.shared[i][i]]
    if so_far:
        return tuple(_parts(coverage, blind))
    return (
        *(f"the board was not seen by {name} yet" for name in blind),
        *_pairs(coverage, blind),
        *_parts(coverage, blind),
        *_held(coverage, blind),
    )


def _pairs(coverage: BoardCoverage, blind: list[str]) -> Iterator[str]:
    """Groups of cameras that no board joins yet: where it should be seen together."""
    shared, names = np.array(coverage.shared), coverage.cameras
    seeing = [i for i, name in enumerate(names) if name not in blind]
    for gap in gaps_between(shared, seeing):
        yield f"show the board to {names[gap.one]} and {names[gap.other]} at once"


@dataclass(frozen=True, slots=True)
class Gap:
    """Cameras that share too few moments with all others.

    Parameters
    ----------
    group, others
        Cameras on either side.
    one, other
        Those of either side that share most, and that should share more.
    """

    group: tuple[int, ...]
    others: tuple[int, ...]
    one: int
    other: int


def gaps_between(shared: IntArray, views: list[int]) -> Iterator[Gap]:
    """What keeps cameras in several groups, by the moments (V, V) that pairs share."""
    for group in groups_of(shared, views)[1:]:
        others = [view for view in views if view not in group]
        one, other = max(((i, j) for i in group for j in others), key=lambda pair: shared[pair])
        yield Gap(tuple(group), tuple(others), one, other)


def groups_of(shared: IntArray, views: list[int]) -> list[list[int]]:
    """Cameras that are joined by pairs that share enough moments, the largest group first."""
    left, groups = list(views), []
    while left:
        group = [left.pop(0)]
        for view in group:  # grows meanwhile
            near = [other for other in left if shared[view, other] >= ENOUGH_SHARED]
            group += near
            left = [other for other in left if other not in near]
        groups.append(sorted(group))
    return sorted(groups, key=len, reverse=True)


def _parts(coverage: BoardCoverage, blind: list[str]) -> Iterator[str]:
    """Parts of images in which the board was not yet, those of the emptiest camera first."""
    images = {
        name: _square(cells)
        for name, cells in zip(coverage.cameras, coverage.cells, strict=True)
        if name not in blind
    }
    for name, cells in sorted(images.items(), key=lambda item: (item[1] > 0).mean()):
        part, filled = emptiest_part(cells)
        if (cells > 0).mean() < ENOUGH_CELLS or filled < _EMPTY:
            yield f"bring the board to the {part} of {name}"


def _held(coverage: BoardCoverage, blind: list[str]) -> Iterator[str]:
    """How the board was not held yet, so that it looked alike in all images of a camera."""
    flat = [n for n, tilt in zip(coverage.cameras, coverage.tilts, strict=True) if tilt < TILTED]
    even = [n for n, depth in zip(coverage.cameras, coverage.depths, strict=True) if depth < DEEP]
    for names, what in (
        (flat, f"tilt the board by {TILTED:.0f} to 45 degrees"),
        (even, "bring the board nearer and farther"),
    ):
        seeing = [name for name in names if name not in blind]
        if seeing:
            yield f"{what} before {', '.join(seeing)}"


def _square(cells: tuple[int, ...]) -> IntArray:
    side = round(len(cells) ** 0.5)
    return np.array(cells, dtype=np.int64).reshape(side, side)


def emptiest_part(cells: IntArray) -> tuple[str, float]:
    """Quarter of an image in which the board was least, in words, and its share of filled cells."""
    half = cells.shape[0] // 2
    parts = {
        "upper left": cells[:half, :half],
        "upper right": cells[:half, half:],
        "lower left": cells[half:, :half],
        "lower right": cells[half:, half:],
    }
    part = min(parts, key=lambda name: float((parts[name] > 0).mean()))
    return part, float((parts[part] > 0).mean())
