"""Hashes of what predictions are made from: they tell whether another run is the same job."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from .com import ComTrace


def weights_hash(path: Path) -> str:
    """SHA-256 of a checkpoint's weights file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trace_hash(trace: ComTrace) -> str:
    """SHA-256 of a COM trace."""
    digest = hashlib.sha256()
    for array in (trace.positions, trace.sample_ids):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
