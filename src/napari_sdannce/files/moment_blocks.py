"""Arrays along the moments of a recording that are never in memory as a whole."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Array = npt.NDArray[Any]
EightBytes = Literal["f8", "i8"]

_AT_ONCE = 2**20  # bytes


@dataclass(frozen=True, eq=False)
class MomentBlocks:
    """An array that is given block by block, each of some moments that follow one another.

    Parameters
    ----------
    n_moments
        T, of all blocks together.
    blocks
        Gives them from the first to the last, anew each time it is called.
    empty
        A block of no moments: but for that, it has the shape of all.
    dtype
        What the values are written as.
    axis
        Which one is that of the moments.

    Examples
    --------
    >>> ids = MomentBlocks.of(np.arange(4)).arranged(lambda block: block[None], axis=1)
    >>> ids.shape
    (1, 4)
    """

    n_moments: int
    blocks: Callable[[], Iterator[Array]]
    empty: Array
    dtype: EightBytes = "f8"
    axis: int = 0

    @classmethod
    def of(cls, array: Array, dtype: EightBytes = "f8") -> Self:
        """Give an array in memory, whose first axis is that of the moments, as one block."""
        return cls(len(array), lambda: iter((array,)), array[:0], dtype)

    def arranged(self, arrange: Callable[[Array], Array], *, axis: int = 0) -> Self:
        """Return the blocks after `arrange`, which puts the moments on this axis."""
        return replace(
            self,
            blocks=lambda: map(arrange, self.blocks()),
            empty=arrange(self.empty),
            axis=axis,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        before, after = self.empty.shape[: self.axis], self.empty.shape[self.axis + 1 :]
        return (*before, self.n_moments, *after)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return 8 * math.prod(self.shape)

    def in_columns(self, scratch: Path) -> Iterator[bytes]:
        """Bytes of the whole array as MATLAB orders them: the first axis runs fastest.

        Parameters
        ----------
        scratch
            Folder on a disk with room for the whole array: a block lies scattered over it, unless
            the moments are its last axis.
        """
        if not self.nbytes:
            return
        n_columns = math.prod(self.shape[self.axis + 1 :])
        if n_columns == 1:
            yield from (self._columns(block, 1).tobytes() for block in self.blocks())
            return
        with tempfile.TemporaryFile(dir=scratch) as file:
            done = 0
            for block in self.blocks():
                columns = self._columns(block, n_columns)
                for i, column in enumerate(columns):
                    file.seek(i * (self.nbytes // n_columns) + done)
                    file.write(column.data)
                done += columns[0].nbytes
            file.seek(0)
            while part := file.read(_AT_ONCE):
                yield part

    def _columns(self, block: Array, n_columns: int) -> Array:
        """(columns, values) of a block."""
        values = block.astype(f"<{self.dtype}", copy=False)
        return np.ascontiguousarray(values.reshape((-1, n_columns), order="F").T)


@dataclass(frozen=True)
class Zeros:
    """An array of zeros that is never in memory as a whole."""

    shape: tuple[int, ...]
    dtype: EightBytes = "f8"

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return 8 * math.prod(self.shape)

    def in_columns(self, scratch: Path) -> Iterator[bytes]:
        """Bytes of the whole array."""
        for start in range(0, self.nbytes, _AT_ONCE):
            yield bytes(min(_AT_ONCE, self.nbytes - start))
