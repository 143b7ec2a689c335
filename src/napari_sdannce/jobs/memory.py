"""How much memory networks take, as measured on a CPU (floats a voxel or pixel, 32 bits each)."""

from __future__ import annotations

_BYTES = 4


def of_training_volumes(
    batch: int, voxels: int, width: int, channels: int, n_keypoints: int
) -> float:
    """Bytes a training step on volumes takes at its peak."""
    each = 18 * width + 2 * channels + 4 * n_keypoints
    return _BYTES * batch * voxels**3 * each


def of_predicting_volumes(
    batch: int, voxels: int, width: int, channels: int, n_keypoints: int
) -> float:
    """Bytes that prediction on volumes takes at its peak."""
    return _BYTES * batch * voxels**3 * (8 * width + channels + n_keypoints)


def of_training_images(batch: int, pixels: float, width: int) -> float:
    """Bytes a training step on images takes at its peak."""
    return _BYTES * batch * pixels * (22 * width + 110)


def of_predicting_images(batch: int, pixels: float, width: int) -> float:
    """Bytes that prediction on images takes at its peak."""
    return _BYTES * batch * pixels * (7 * width + 40)
