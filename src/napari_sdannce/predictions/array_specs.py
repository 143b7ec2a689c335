"""Arrays of a store, and how many moments of them are written at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

IDS_CHUNK = 65536
"""Sample ids looked at, and written, at once."""


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array of the store: (T, *shape), `fill` where nothing was written."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    fill: float


def chunk_for(path: Path, sample_ids: npt.NDArray[np.int64], chunk: int | None) -> int:
    """Check the moments of a store to be made and settle how many are written at once.

    Raises
    ------
    ValueError
        When there are no moments, sample ids repeat or the chunk is smaller than 1.
    """
    if sample_ids.ndim != 1 or not len(sample_ids):
        raise ValueError(f"{path}: a store needs (T,) sample ids, got shape {sample_ids.shape}")
    if not _rise(sample_ids) and len(np.unique(sample_ids)) != len(sample_ids):
        raise ValueError(f"{path}: sample ids repeat")
    if chunk is not None and chunk < 1:
        raise ValueError(f"{path}: a chunk needs at least one moment, got {chunk}")
    return min(chunk or default_chunk(len(sample_ids)), len(sample_ids))


def _rise(sample_ids: npt.NDArray[np.int64]) -> bool:
    """Whether each is larger than the one before, found without a copy of all."""
    return all(
        bool((np.diff(sample_ids[start : start + IDS_CHUNK + 1]) > 0).all())
        for start in range(0, len(sample_ids), IDS_CHUNK)
    )


def default_chunk(n_moments: int) -> int:
    """Moments a chunk: few enough to lose little when killed, never more than 1000 files an array.

    Examples
    --------
    >>> default_chunk(80), default_chunk(90_000), default_chunk(1_000_000)
    (80, 100, 1000)
    """
    return max(min(n_moments, 100), -(-n_moments // 1000))
