"""Hashes of what predictions are made from: they tell whether another run is the same job."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.geometry import Camera
    from napari_sdannce.recording import Sync

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


def cameras_hash(cameras: Sequence[Camera]) -> str:
    """SHA-256 of the calibration of cameras; where the first pixel lies is in it."""
    digest = hashlib.sha256()
    for camera in cameras:
        for array in (
            camera.matrix,
            camera.rotation,
            camera.translation,
            camera.radial,
            camera.tangential,
        ):
            digest.update(np.ascontiguousarray(array).tobytes())
        if camera.fisheye:
            digest.update(b"fisheye")
    return digest.hexdigest()


def sync_hash(sync: Sync | None) -> str:
    """SHA-256 of which frames belong to which moment."""
    digest = hashlib.sha256()
    if sync is not None:
        for array in (sync.sample_ids, sync.frames):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
