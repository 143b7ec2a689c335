"""Heatmaps to coordinates: expectation in volumes, peaks in images.

Volumes have the axes y, x, z; coordinates are always x, y, z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.models.dannce import Head

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_FIT_RADIUS = 2


def soft_argmax(logits: Tensor, voxel_mm: float) -> Tensor:
    """Expected position under the softmax of each heatmap, relative to the volume's centre.

    The sum runs over offsets from the centre and not over world coordinates, so single precision
    loses nothing for animals far from the origin.

    Parameters
    ----------
    logits
        (B, K, y, x, z).
    voxel_mm
        Edge length of a voxel.

    Returns
    -------
    (B, K, 3) x, y, z in mm.
    """
    # softmax before any half-precision sum: autocast would otherwise lose 0.1 mm
    probability = voxel_probability(logits)
    marginals = [probability.sum(dim=dims) for dims in ((2, 4), (3, 4), (2, 3))]
    return torch.stack([m @ centred_axis(m.shape[-1], voxel_mm, m) for m in marginals], dim=-1)


def peak_position(logits: Tensor, voxel_mm: float) -> Tensor:
    """Highest point of each heatmap between voxels, relative to the volume's centre.

    A parabola through the highest voxel and its two neighbours, along each axis, gives the place
    between voxels; at the border the voxel's centre counts.

    Parameters
    ----------
    logits
        (B, K, y, x, z).
    voxel_mm
        Edge length of a voxel.

    Returns
    -------
    (B, K, 3) x, y, z in mm.
    """
    shape = logits.shape[2:]
    flat = logits.detach().float().flatten(2)
    top, index = flat.max(dim=2)
    place = torch.stack(torch.unravel_index(index, shape), dim=-1)
    strides = (shape[1] * shape[2], shape[2], 1)
    found = []
    for axis, stride in enumerate(strides):
        along = place[..., axis]
        inside = (along > 0) & (along < shape[axis] - 1)
        step = stride * inside
        before = flat.gather(2, (index - step)[..., None])[..., 0]
        after = flat.gather(2, (index + step)[..., None])[..., 0]
        bend = (2 * top - before - after).clamp(min=torch.finfo(flat.dtype).tiny)
        between = torch.where(inside, (after - before) / (2 * bend), 0).clamp(-0.5, 0.5)
        found.append((along + between - (shape[axis] - 1) / 2) * voxel_mm)
    y, x, z = found
    return torch.stack([x, y, z], dim=-1)


def gaussian_targets(points: Tensor, voxels: int, voxel_mm: float, sigma_mm: float) -> Tensor:
    """Heatmaps with a Gaussian of height 1 at each point; its peak is lower off the grid.

    Parameters
    ----------
    points
        (B, K, 3) x, y, z in mm from the centre of the volume; a coordinate of NaN gives a heatmap
        of NaN.

    Returns
    -------
    (B, K, y, x, z).
    """
    axis = centred_axis(voxels, voxel_mm, points)
    across = [
        torch.exp(-((axis - points[..., i, None]) ** 2) / (2 * sigma_mm**2)) for i in range(3)
    ]
    x, y, z = across
    return y[..., :, None, None] * x[..., None, :, None] * z[..., None, None, :]


def centred_axis(voxels: int, voxel_mm: float, like: Tensor) -> Tensor:
    """Voxel centres (voxels,) along one axis, relative to the volume's centre, mm."""
    index = torch.arange(voxels, dtype=like.dtype, device=like.device)
    return (index - (voxels - 1) / 2) * voxel_mm


def voxel_probability(logits: Tensor) -> Tensor:
    """Softmax over all voxels of each heatmap (B, K, y, x, z), in single precision."""
    return torch.softmax(logits.float().flatten(2), dim=2).view(logits.shape)


def covariance(logits: Tensor, voxel_mm: float, head: Head = "expectation") -> Tensor:
    """Covariance of where a keypoint may be, as its heatmap has it.

    Parameters
    ----------
    logits
        (B, K, y, x, z).
    voxel_mm
        Edge length of a voxel.
    head
        Heatmaps of an expectation are weighed by their softmax, those of a maximum by what is
        above 0.

    Returns
    -------
    (B, K, 6) mm^2: xx, xy, xz, yy, yz, zz along the volume's axes.
    """
    weights = _WEIGHTS[head](logits)
    axes = [centred_axis(size, voxel_mm, weights) for size in weights.shape[2:]]
    y, x, z = axes
    planes = {"xy": weights.sum(dim=4), "yz": weights.sum(dim=3), "xz": weights.sum(dim=2)}
    along = {"x": planes["xy"].sum(dim=2), "y": planes["xy"].sum(dim=3), "z": planes["xz"].sum(2)}
    mean = {name: along[name] @ axis for name, axis in (("x", x), ("y", y), ("z", z))}
    square = {name: along[name] @ axis.square() for name, axis in (("x", x), ("y", y), ("z", z))}
    mixed = {
        "xy": torch.einsum("bkij,i,j->bk", planes["xy"], y, x),
        "yz": torch.einsum("bkij,i,j->bk", planes["yz"], y, z),
        "xz": torch.einsum("bkij,i,j->bk", planes["xz"], x, z),
    }
    own = {name: (square[name] - mean[name].square()).clamp(min=0) for name in "xyz"}
    across = {pair: mixed[pair] - mean[pair[0]] * mean[pair[1]] for pair in mixed}
    return torch.stack(
        [own["x"], across["xy"], across["xz"], own["y"], across["yz"], own["z"]], dim=-1
    )


def spread(covariances: Tensor) -> Tensor:
    """Root mean square distance (...) from the mean, of covariances (..., 6)."""
    xx, yy, zz = covariances[..., 0], covariances[..., 3], covariances[..., 5]
    return (xx + yy + zz).sqrt()


def _above_zero(logits: Tensor) -> Tensor:
    height = torch.relu(logits.float())
    return height / height.sum(dim=(2, 3, 4), keepdim=True).clamp(min=1e-12)


def peak_probability(logits: Tensor) -> Tensor:
    """Probability (B, K) of each heatmap's most likely voxel."""
    flat = logits.float().flatten(2)
    return torch.exp(flat.amax(dim=2) - torch.logsumexp(flat, dim=2))


def peak_logit(logits: Tensor) -> Tensor:
    """Largest raw value (B, K) of each heatmap: the reference program's ``p_max``."""
    return logits.float().flatten(2).amax(dim=2)


def integer_peaks(heatmaps: npt.NDArray[np.floating]) -> tuple[IntArray, FloatArray]:
    """Find the highest pixel of each heatmap.

    Parameters
    ----------
    heatmaps
        (..., H, W).

    Returns
    -------
    (..., 2) x, y of the first highest pixel, and (...) its value.
    """
    height, width = heatmaps.shape[-2:]
    flat = heatmaps.reshape(*heatmaps.shape[:-2], height * width)
    index = flat.argmax(axis=-1)
    value = np.take_along_axis(flat, index[..., None], axis=-1)[..., 0]
    return np.stack([index % width, index // width], axis=-1), value.astype(np.float64)


def subpixel_peaks(heatmaps: npt.NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
    """Find the highest point of each heatmap between pixels.

    A paraboloid is fitted to the logarithm of the values round the highest pixel (exact for a
    Gaussian spot), each pixel weighted by its value squared. Where the values there are no hill,
    the highest pixel is returned.

    Parameters
    ----------
    heatmaps
        (..., H, W).

    Returns
    -------
    (..., 2) x, y and (...) the value of the highest pixel.
    """
    whole, value = integer_peaks(heatmaps)
    height, width = heatmaps.shape[-2:]
    flat_maps = heatmaps.reshape(-1, height, width)
    peaks = whole.reshape(-1, 2)
    steps = np.arange(-_FIT_RADIUS, _FIT_RADIUS + 1)
    dx, dy = (grid.ravel().astype(np.float64) for grid in np.meshgrid(steps, steps))
    columns = peaks[:, :1] + dx.astype(int)
    rows = peaks[:, 1:] + dy.astype(int)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    values = flat_maps[
        np.arange(len(peaks))[:, None], rows.clip(0, height - 1), columns.clip(0, width - 1)
    ].astype(np.float64)
    top = value.reshape(-1, 1)
    usable = inside & (values > 0.1 * top) & (top > 0)
    shift = _fit_paraboloids(dx, dy, np.where(usable, values / np.where(top > 0, top, 1), 0))
    return (peaks + shift).reshape(whole.shape), value


def local_peaks(
    heatmaps: npt.NDArray[np.floating], count: int, *, radius: int, subpixel: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Find the highest peaks of each heatmap, best first.

    Parameters
    ----------
    heatmaps
        (..., H, W).
    count
        P, how many to find at most.
    radius
        Pixels along each axis within which a peak is the highest.
    subpixel
        Look between pixels, as `subpixel_peaks`.

    Returns
    -------
    (..., P, 2) x, y and (..., P) the values of their highest pixels; NaN where there are fewer.
    Only values above 0 count.
    """
    height, width = heatmaps.shape[-2:]
    flat = np.ascontiguousarray(heatmaps.reshape(-1, height, width), dtype=np.float32)
    peaks, values = np.full((len(flat), count, 2), np.nan), np.full((len(flat), count), np.nan)
    for i, heatmap in enumerate(flat):
        found = _highest_pixels(heatmap, count, radius)
        if not len(found):
            continue
        around = max(radius, _FIT_RADIUS)
        padded = np.pad(heatmap, around, constant_values=-np.inf)
        side = 2 * around + 1
        patches = np.stack([padded[y : y + side, x : x + side] for x, y in found])
        within, values[i, : len(found)] = (subpixel_peaks if subpixel else integer_peaks)(patches)
        peaks[i, : len(found)] = found + within - around
    shape = heatmaps.shape[:-2]
    return peaks.reshape(*shape, count, 2), values.reshape(*shape, count)


def _highest_pixels(
    heatmap: npt.NDArray[np.float32], count: int, radius: int
) -> npt.NDArray[np.int64]:
    """(n, 2) x, y of pixels that no other within the radius exceeds, highest first."""
    neighbours = np.ones((2 * radius + 1, 2 * radius + 1), dtype=np.uint8)
    rows, columns = np.nonzero((heatmap == cv2.dilate(heatmap, neighbours)) & (heatmap > 0))
    order = np.argsort(-heatmap[rows, columns], kind="stable")
    found: list[tuple[int, int]] = []
    for x, y in zip(columns[order].tolist(), rows[order].tolist(), strict=True):
        # of a plateau, its first pixel
        if all(max(abs(x - a), abs(y - b)) > radius for a, b in found):
            found.append((x, y))
        if len(found) == count:
            break
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _fit_paraboloids(dx: FloatArray, dy: FloatArray, values: FloatArray) -> FloatArray:
    """Offsets (N, 2) of the tops of paraboloids fitted to log values (N, P); 0 where unusable."""
    terms = np.stack([np.ones_like(dx), dx, dy, dx * dx, dx * dy, dy * dy], axis=1)
    weights = values**2
    logs = np.log(np.where(values > 0, values, 1))
    normal = np.einsum("np,pi,pj->nij", weights, terms, terms)
    right = np.einsum("np,pi,np->ni", weights, terms, logs)
    enough = (values > 0).sum(axis=1) > terms.shape[1]
    # a whisper of a ridge keeps degenerate neighbourhoods solvable; those are rejected below
    normal += 1e-9 * np.eye(terms.shape[1])
    fit = np.linalg.solve(normal, right[..., None])[..., 0]
    _, bx, by, cxx, cxy, cyy = fit.T
    determinant = 4 * cxx * cyy - cxy**2
    hill = enough & (cxx < 0) & (determinant > 1e-12)
    safe = np.where(hill, determinant, 1)
    shift = np.stack([cxy * by - 2 * cyy * bx, cxy * bx - 2 * cxx * by], axis=1) / safe[:, None]
    hill &= np.abs(shift).max(axis=1) < _FIT_RADIUS
    return np.where(hill[:, None], shift, 0)


_WEIGHTS: dict[Head, Callable[[Tensor], Tensor]] = {
    "expectation": voxel_probability,
    "maximum": _above_zero,
}
