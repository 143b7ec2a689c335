"""Heatmaps in volumes to coordinates, and back.

Volumes have the axes y, x, z; coordinates are always x, y, z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.models.dannce import Head


_TINY = 1e-12


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
    # the square root has no gradient at 0
    return (xx + yy + zz).clamp(min=_TINY).sqrt()


def _above_zero(logits: Tensor) -> Tensor:
    height = torch.relu(logits.float())
    return height / height.sum(dim=(2, 3, 4), keepdim=True).clamp(min=_TINY)


def peak_probability(logits: Tensor) -> Tensor:
    """Probability (B, K) of each heatmap's most likely voxel."""
    flat = logits.float().flatten(2)
    return torch.exp(flat.amax(dim=2) - torch.logsumexp(flat, dim=2))


def peak_logit(logits: Tensor) -> Tensor:
    """Largest raw value (B, K) of each heatmap: the reference program's ``p_max``."""
    return logits.float().flatten(2).amax(dim=2)


_WEIGHTS: dict[Head, Callable[[Tensor], Tensor]] = {
    "expectation": voxel_probability,
    "maximum": _above_zero,
}
