"""Compiled inner part of volume sampling: one camera, some layers of the cube.

For a column of voxels along z the loop over them runs twice. The first has no branches, so that
the compiler turns it into vector instructions: project, bend, clamp to the image. The second
fetches the pixels. Everything is float32, as in the reference; sample_torch.py does the same steps
in the same order and gets the same voxels.

There is no test for points behind the camera, nor for the fold of the lens model: the reference has
none, and networks learned with what it fills in. It has no fisheye: there, what lies behind the
camera or beyond the fold is taken to lie just before it, in its own direction.
"""

from __future__ import annotations

import numpy as np

from napari_sdannce.geometry.compiled import compiled
from napari_sdannce.volumes import angle
from napari_sdannce.volumes.angle import ARCTAN

_ONE, _TWO, _NONE = np.float32(1), np.float32(2), np.float32(0)
_SQUARE, _TINY = np.float32(np.pi / 2), np.float32(1e-30)

_arctan = compiled(angle.arctan)


@compiled
def _project(start, step, lens, width, height, across, down):  # type: ignore[no-untyped-def]
    """Fill `across` and `down` (n,) with clamped pixels of the voxels ``start + i * step``.

    `start`, `step` (3,) mm in the camera's frame; `lens` fx, skew, cx, fy, cy, k1, k2, k3, p1, p2
    and 0, which is the widest angle of a fisheye.
    """
    x0, y0, z0 = start[0], start[1], start[2]
    dx, dy, dz = step[0], step[1], step[2]
    fx, skew, cx, fy, cy = lens[0], lens[1], lens[2], lens[3], lens[4]
    k1, k2, k3, p1, p2 = lens[5], lens[6], lens[7], lens[8], lens[9]
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    for i in range(len(across)):
        f = np.float32(i)
        near = _ONE / (z0 + f * dz)
        x, y = (x0 + f * dx) * near, (y0 + f * dy) * near
        xx, yy, xy = x * x, y * y, x * y
        q = xx + yy
        scale = _ONE + q * (k1 + q * (k2 + q * k3))
        xb = x * scale + _TWO * p1 * xy + p2 * (q + _TWO * xx)
        yb = y * scale + p1 * (q + _TWO * yy) + _TWO * p2 * xy
        u = fx * xb + skew * yb + cx
        v = fy * yb + cy
        # written so that NaN (depth 0) becomes 0
        u = u if u > _NONE else _NONE
        v = v if v > _NONE else _NONE
        across[i] = u if u < right else right
        down[i] = v if v < bottom else bottom


@compiled
def _project_fisheye(start, step, lens, width, height, across, down):  # type: ignore[no-untyped-def]
    """As `_project`, through a fisheye; `lens` fx, skew, cx, fy, cy, k1 to k4, 0, widest angle."""
    x0, y0, z0 = start[0], start[1], start[2]
    dx, dy, dz = step[0], step[1], step[2]
    fx, skew, cx, fy, cy = lens[0], lens[1], lens[2], lens[3], lens[4]
    k1, k2, k3, k4, widest = lens[5], lens[6], lens[7], lens[8], lens[10]
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    for i in range(len(across)):
        f = np.float32(i)
        x, y, z = x0 + f * dx, y0 + f * dy, z0 + f * dz
        aside, ahead = np.sqrt(x * x + y * y), abs(z)
        narrow = aside <= ahead
        longer = ahead if narrow else aside
        shorter = aside if narrow else ahead
        turn = _arctan(shorter / max(longer, _TINY), ARCTAN)
        turn = turn if narrow else _SQUARE - turn
        turn = turn if z > _NONE and turn < widest else widest
        q = turn * turn
        scale = turn * (_ONE + q * (k1 + q * (k2 + q * (k3 + q * k4)))) / max(aside, _TINY)
        xb, yb = x * scale, y * scale
        u = fx * xb + skew * yb + cx
        v = fy * yb + cy
        u = u if u > _NONE else _NONE
        v = v if v > _NONE else _NONE
        across[i] = u if u < right else right
        down[i] = v if v < bottom else bottom


@compiled
def sample_nearest(image, starts, step, lens, out, channel):  # type: ignore[no-untyped-def]
    """Fill channels of layers of a volume with the pixels nearest to the voxels.

    `image` (H, W, C) uint8; `starts` (rows, n, 3) float32, the first voxels of the columns in the
    camera's frame; `out` (rows, n, n, channels) uint8, filled from `channel` on.
    """
    height, width, n_channels = image.shape
    rows, n = out.shape[0], out.shape[1]
    flat = image.reshape(height * width * n_channels)
    across, down = np.empty(n, np.float32), np.empty(n, np.float32)
    place = np.empty(n, np.int32)
    for r in range(rows):
        for c in range(n):
            if lens[10] > _NONE:
                _project_fisheye(starts[r, c], step, lens, width, height, across, down)
            else:
                _project(starts[r, c], step, lens, width, height, across, down)
            for i in range(n):
                # rint: half to even
                place[i] = n_channels * (
                    width * np.int32(np.rint(down[i])) + np.int32(np.rint(across[i]))
                )
            column = out[r, c]
            if n_channels == 3:
                for i in range(n):
                    column[i, channel] = flat[place[i]]
                    column[i, channel + 1] = flat[place[i] + 1]
                    column[i, channel + 2] = flat[place[i] + 2]
            else:
                for i in range(n):
                    for k in range(n_channels):
                        column[i, channel + k] = flat[place[i] + k]


@compiled
def sample_linear(image, starts, step, lens, out, channel, lift, reference):  # type: ignore[no-untyped-def]
    """Fill channels of layers of a volume with bilinear mixtures of the four pixels about a voxel.

    As `sample_nearest`; `out` is uint8, its fraction cut off after adding `lift` (float32; one half
    rounds to nearest), or float32. With `reference` the two mixed weights are swapped: defect D5.
    A pixel past the right or bottom border counts as black, which then shows; without the swap its
    weight is zero.
    """
    height, width, n_channels = image.shape
    rows, n = out.shape[0], out.shape[1]
    flat = image.reshape(height * width * n_channels)
    across, down = np.empty(n, np.float32), np.empty(n, np.float32)
    for r in range(rows):
        for c in range(n):
            if lens[10] > _NONE:
                _project_fisheye(starts[r, c], step, lens, width, height, across, down)
            else:
                _project(starts[r, c], step, lens, width, height, across, down)
            column = out[r, c]
            for i in range(n):
                x, y = int(across[i]), int(down[i])
                a, b = across[i] - np.float32(x), down[i] - np.float32(y)
                right, below = a * (_ONE - b), (_ONE - a) * b
                if reference:
                    right, below = below, right
                here, corner = (_ONE - a) * (_ONE - b), a * b
                to_right, to_below = n_channels, n_channels * width
                if x + 1 >= width:
                    right, corner, to_right = _NONE, _NONE, 0
                if y + 1 >= height:
                    below, corner, to_below = _NONE, _NONE, 0
                place = n_channels * (width * y + x)
                for k in range(n_channels):
                    column[i, channel + k] = lift + (
                        here * np.float32(flat[place + k])
                        + right * np.float32(flat[place + to_right + k])
                        + below * np.float32(flat[place + to_below + k])
                        + corner * np.float32(flat[place + to_right + to_below + k])
                    )
