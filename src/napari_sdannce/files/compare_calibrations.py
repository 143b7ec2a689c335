"""In what two files that describe the same cameras differ, in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.recording import Sync

_AGREE = np.array([1e-3, 1e-4, 1e-3, 1e-6])
"""Position (mm), direction (degrees), matrix (px), distortion: up to this they agree. Numbers in
single precision lose less, and nobody sees a difference."""
_UNITS = ("position by {} mm", "direction by {} degrees", "matrix by {} px", "distortion by {}")


def calibration_difference(ours: Sequence[Camera], theirs: Sequence[Camera]) -> str | None:
    """Say by how much the cameras that both know differ at most; None when they agree."""
    known = {camera.name: camera for camera in theirs}
    both = [camera for camera in ours if camera.name in known]
    if not both:
        return None
    found = np.stack([_difference(camera, known[camera.name]) for camera in both])
    differs = np.logical_not(found <= _AGREE)  # what is not finite differs, too
    if not differs.any():
        return None
    fisheyes = [each.name for each in both if each.fisheye != known[each.name].fisheye]
    if fisheyes:
        return f"only one of the two takes the lens for a fisheye ({', '.join(fisheyes)})"
    names = [camera.name for camera, each in zip(both, differs, strict=True) if each.any()]
    most = found.max(axis=0)
    told = [
        unit.format(f"{amount:.0f}" if 100 <= amount < 1e6 else f"{amount:.3g}")
        for unit, amount, tell in zip(_UNITS, most, differs.T, strict=True)
        if tell.any()
    ]
    return f"{', '.join(told)} ({', '.join(names)})"


def _difference(one: Camera, other: Camera) -> npt.NDArray[np.float64]:
    """(4,) position mm, direction degrees, matrix px, distortion coefficient."""
    with np.errstate(all="ignore"):
        places = [-camera.rotation.T @ camera.translation for camera in (one, other)]
        chord = np.linalg.norm(one.rotation - other.rotation) / np.sqrt(8)
        return np.array(
            [
                np.linalg.norm(places[0] - places[1]),
                np.degrees(2 * np.arcsin(min(chord, 1.0))),
                np.abs(one.matrix - other.matrix).max(),
                _lens_difference(one, other),
            ]
        )


def _lens_difference(one: Camera, other: Camera) -> float:
    """Largest difference of a distortion coefficient; infinite between kinds of lenses."""
    if one.fisheye != other.fisheye:
        return np.inf
    if one.fisheye:
        return float(np.abs(one.radial - other.radial).max())
    lenses = [np.concatenate([each.radial3, each.tangential]) for each in (one, other)]
    return float(np.abs(lenses[0] - lenses[1]).max())


def sync_difference(
    ours: Sync | None, our_names: Sequence[str], theirs: Sync | None, their_names: Sequence[str]
) -> str | None:
    """Say how many moments of the cameras that both know differ; None when they agree."""
    if theirs is None or not set(our_names) & set(their_names):
        return None
    if ours is None:
        return "that one has none"
    if len(ours) != len(theirs):
        return f"{len(theirs)} moments, not {len(ours)}"
    both = [name for name in our_names if name in their_names]
    frames = ours.frames[:, [list(our_names).index(name) for name in both]]
    other = theirs.frames[:, [list(their_names).index(name) for name in both]]
    moved = (frames != other).any(axis=1) | (ours.sample_ids != theirs.sample_ids)
    return f"{int(moved.sum())} of {len(ours)} moments" if moved.any() else None
