"""Peaks of heatmaps in images, on and between pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_FIT_RADIUS = 2


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
