"""How unlike poses are, wherever the animals are and whichever way they face."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
SingleArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

_DIMENSIONS = 12
_SAMPLE = 5_000
_BLOCK = 4_096
_ALIGNMENTS = 2
# spreads: a keypoint that is lost somewhere must not make its pose the most interesting one
_MOST = 4.0
# a floor is flat: animals spread over it this many times as far as they rise above it, at least
_FLAT = 3.0
_ENOUGH = 50


class PoseSpread:
    """Poses of a recording, to be told how unlike one another they are.

    Each animal is centred and turned about the vertical to fit the others best; the poses of all
    animals together are then described by their principal components.

    Parameters
    ----------
    positions
        (T, A, K, 3) mm, NaN where not known: there, it is as usual.
    """

    def __init__(self, positions: FloatArray) -> None:
        n_moments, n_animals = positions.shape[:2]
        up = floor_normal(positions)
        aligned = [aligned_poses(positions[:, animal], up) for animal in range(n_animals)]
        flat = np.concatenate([each.reshape(n_moments, -1) for each in aligned], axis=1)
        self._features = _components(flat)
        sample = self._features[:: max(n_moments // _SAMPLE, 1)]
        self._scale = float(np.sqrt((sample**2).sum(axis=1).mean())) or 1.0

    def unlike(self, rows: npt.ArrayLike) -> SingleArray:
        """(T,) how unlike each pose is to the one of these rows it resembles most.

        0 is the same; 1, as unlike as two poses of the recording are on average (root mean square).
        Infinite when there are no rows.
        """
        chosen = self._features[np.atleast_1d(np.asarray(rows, dtype=np.intp))]
        nearest = np.full(len(self._features), np.inf, np.float32)
        if not len(chosen):
            return nearest
        lengths = (chosen**2).sum(axis=1)
        for start in range(0, len(nearest), _BLOCK):
            block = self._features[start : start + _BLOCK]
            squared = (block**2).sum(axis=1)[:, None] + lengths - 2 * (block @ chosen.T)
            nearest[start : start + _BLOCK] = squared.min(axis=1)
        # two poses drawn at random are apart by sqrt(2) times what one is from the mean
        unit = np.float32(self._scale * np.sqrt(2))
        return np.asarray(np.sqrt(np.maximum(nearest, 0)) / unit)


def floor_normal(positions: FloatArray) -> FloatArray:
    """Vertical (3,) of the world: of the floor that animals (T, A, K, 3) move about on, else z.

    The direction in which their centres vary least, when that is much less than in the others.
    """
    sample = positions[:: max(len(positions) // _SAMPLE, 1)]
    centres = _centres(sample).reshape(-1, 3)
    centres = centres[np.isfinite(centres).all(axis=-1)]
    if len(centres) >= _ENOUGH:
        spreads, axes = np.linalg.eigh(np.cov(centres.T))
        if spreads[1] > _FLAT**2 * spreads[0]:
            return np.asarray(axes[:, 0])
    return np.array([0.0, 0.0, 1.0])


def aligned_poses(poses: FloatArray, up: FloatArray) -> SingleArray:
    """Poses (T, K, 3), centred and turned about `up` (3,) so that they fit one another best.

    The turn about a fixed axis that minimises the squared distances has a closed form (Procrustes
    in the plane, Schönemann 1966); what is fitted to is the mean of the poses fitted before.

    Returns
    -------
    (T, K, 3) mm: two axes in the floor, then up. NaN where not known.
    """
    turned = ((poses - _centres(poses)[..., None, :]) @ _axes(up).T).astype(np.float32)
    known: BoolArray = np.asarray(np.isfinite(turned).all(axis=-1))
    if not known.any():
        return turned
    filled = np.where(known[..., None], turned, 0)
    reference = filled[int(known.sum(axis=-1).argmax())]
    for _ in range(_ALIGNMENTS):
        filled = _turned_onto(filled, reference)
        reference = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)[:, None]
    filled = _turned_onto(filled, reference)
    filled[~known] = np.nan
    return filled


def _turned_onto(poses: SingleArray, reference: SingleArray) -> SingleArray:
    x, y = poses[..., 0], poses[..., 1]
    onto_x, onto_y = reference[..., 0], reference[..., 1]
    cos = x @ onto_x + y @ onto_y
    sin = x @ onto_y - y @ onto_x
    angle = np.arctan2(sin, cos)[:, None]
    turned = poses.copy()
    turned[..., 0] = x * np.cos(angle) - y * np.sin(angle)
    turned[..., 1] = x * np.sin(angle) + y * np.cos(angle)
    return turned


def _axes(up: FloatArray) -> FloatArray:
    """(3, 3) rotation whose last row is `up`."""
    aside = np.eye(3)[np.abs(up).argmin()]
    first = np.cross(aside, up)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(up, first), up])


def _centres(positions: FloatArray) -> FloatArray:
    """Mean (..., 3) of the known keypoints of (..., K, 3), NaN where there is none."""
    known: BoolArray = np.asarray(np.isfinite(positions).all(axis=-1))
    total = np.where(known[..., None], positions, 0).sum(axis=-2)
    count = known.sum(axis=-1)[..., None]
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _components(values: SingleArray) -> SingleArray:
    """(T, D) the first principal components of (T, M), gaps and outliers tamed."""
    sample = values[:: max(len(values) // _SAMPLE, 1)]
    known = np.isfinite(sample)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, sample, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, sample - mean, 0) ** 2).sum(axis=0) / count)
    most = (_MOST * spread).astype(np.float32)

    def tamed(block: SingleArray) -> SingleArray:
        off = np.nan_to_num(block - mean.astype(np.float32), nan=0.0)
        return np.asarray(np.clip(off, -most, most))

    _, _, axes = np.linalg.svd(tamed(sample), full_matrices=False)
    axes = axes[:_DIMENSIONS].T
    blocks = [tamed(values[at : at + _BLOCK]) @ axes for at in range(0, len(values), _BLOCK)]
    return np.concatenate(blocks)
