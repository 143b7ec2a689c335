"""Places on a line of sight at which bones have their usual lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.bones import ODD, along_ray

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.floating]

SAME_MM = 0.1
"""Places nearer to one another than this are one: no person clicks better."""

# a bone's wells are as wide as the bone is long, which is at least some of these steps
_STEPS = 401
_CLOSER, _LOOKS = 17, 5
# a hint is of another moment: it weighs as a bone whose spread is this share of the usual lengths
_HINT_SHARE = 0.5
# mm beside a place at which its cost is looked at; the last stands for 'and more'
_BESIDE = np.geomspace(0.05, 100.0, 100)


@dataclass(frozen=True, eq=False, slots=True)
class KnownBones:
    """Bones from a keypoint to those neighbours that have a position.

    Parameters
    ----------
    neighbours
        Names of n keypoints.
    ends
        (n, 3) mm, where they are.
    lengths
        (n,) mm, usual lengths.
    spreads
        (n,) mm, usual spread of the lengths.
    """

    neighbours: tuple[str, ...]
    ends: FloatArray
    lengths: FloatArray
    spreads: FloatArray

    def reached(self, places: FloatArray) -> FloatArray:
        """Lengths (..., n) mm the bones have when the keypoint is at places (..., 3)."""
        return np.asarray(np.linalg.norm(places[..., None, :] - self.ends, axis=-1))

    def deviations(self, places: FloatArray) -> FloatArray:
        """(..., n) spreads from the usual lengths, longer is positive."""
        return np.asarray((self.reached(places) - self.lengths) / self.spreads)

    def clicked_in(self, camera: Camera) -> KnownBones:
        """The same, spread by what one pixel of a view is at the neighbours, too."""
        focal = (camera.matrix[0, 0] + camera.matrix[1, 1]) / 2
        pixel_mm = np.linalg.norm(self.ends - camera.centre, axis=-1) / focal
        return KnownBones(
            self.neighbours, self.ends, self.lengths, np.hypot(self.spreads, pixel_mm)
        )

    def only(self, chosen: list[int]) -> KnownBones:
        """Some of them."""
        names = tuple(self.neighbours[index] for index in chosen)
        return KnownBones(names, self.ends[chosen], self.lengths[chosen], self.spreads[chosen])


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """Where on a line of sight a keypoint may lie.

    Parameters
    ----------
    point
        (3,) mm.
    depth
        Distance from the camera, mm.
    deviations
        (n,) spreads of the bones from their usual lengths.
    uncertainty
        mm along the line, to each side, beyond which the squared deviations are larger by one.
    """

    point: FloatArray
    depth: float
    deviations: FloatArray
    uncertainty: float


def passes_at(camera: Camera, pixel: npt.ArrayLike, points: FloatArray) -> FloatArray:
    """Least distances (n,) mm of points (n, 3) from a line of sight, in front of the camera."""
    ray, towards = camera.rays(pixel), points - camera.centre
    nearest = np.maximum(towards @ ray, 0.0)
    return np.asarray(np.linalg.norm(towards - nearest[:, None] * ray, axis=-1))


def within_reach(camera: Camera, pixel: npt.ArrayLike, bones: KnownBones) -> KnownBones:
    """Those bones that are long enough for the line, or would not be odd if they were."""
    passes = passes_at(camera, pixel, bones.ends)
    near = passes <= bones.lengths + ODD * bones.spreads
    return bones.only(np.flatnonzero(near).tolist())


def places_on_line(
    camera: Camera, pixel: npt.ArrayLike, bones: KnownBones, hint: npt.ArrayLike | None = None
) -> tuple[Place, ...]:
    """Find where on a line of sight all bones together are nearest to their usual lengths.

    The sum of their squared deviations, in spreads, has one or more lowest points along the line.
    With a single bone these are the two of `along_ray`; the more bones there are, the rarer is a
    second one that is about as low.

    Parameters
    ----------
    camera
        The only one that sees the keypoint.
    pixel
        (2,) px, distorted, where it sees it.
    bones
        To its neighbours. Those that the line does not come near (`within_reach`) tell nothing.
    hint
        (3,) mm, about where the keypoint is.

    Returns
    -------
    The likeliest first. Empty when the line passes all neighbours at more than the usual length and
    three spreads.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> camera = Camera("front", matrix, np.eye(3), np.zeros(3))
    >>> ends = np.array([[3.0, 0, 100], [0, 0, 110]])
    >>> bones = KnownBones(("neck", "tail"), ends, np.array([5.0, 6]), np.array([0.2, 0.2]))
    >>> [place.point.round(3).tolist() for place in places_on_line(camera, [320, 240], bones)]
    [[0.0, 0.0, 104.0]]
    """
    bones = within_reach(camera, pixel, bones)
    found = [
        along_ray(camera, pixel, end, length, slack=ODD * spread)
        for end, length, spread in zip(bones.ends, bones.lengths, bones.spreads, strict=True)
    ]
    starts = [each for each in found if each is not None]
    if not starts:
        return ()
    ray, centre = camera.rays(pixel), camera.centre
    depths = (np.concatenate(starts) - centre) @ ray

    def cost(depth: FloatArray) -> FloatArray:
        deviations = bones.deviations(centre + depth[..., None] * ray)
        return np.asarray((deviations**2).sum(axis=-1))

    # beyond the outermost of them every bone only grows
    lowest = _lowest(cost, float(depths.min()), float(depths.max()))
    costs = cost(lowest)
    possible = costs <= costs.min() + ODD**2 * len(bones.lengths)
    points = centre + lowest[:, None] * ray
    if hint is not None:
        apart = np.linalg.norm(points - np.asarray(hint, dtype=np.float64), axis=-1)
        costs = costs + (apart / (_HINT_SHARE * bones.lengths.mean())) ** 2
    order = [index for index in np.argsort(costs, kind="stable").tolist() if possible[index]]
    deviations = bones.deviations(points)
    return tuple(
        Place(points[i], float(lowest[i]), deviations[i], _uncertainty(cost, float(lowest[i])))
        for i in order
    )


def _lowest(cost: Callable[[FloatArray], FloatArray], start: float, end: float) -> FloatArray:
    """Depths (n,) at which the cost is lower than on either side, rising."""
    depths = np.unique(np.linspace(start, end, _STEPS))
    values = np.pad(cost(depths), 1, constant_values=np.inf)
    low = np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:]))
    exact = [
        _least(cost, depths[max(index - 1, 0)], depths[min(index + 1, len(depths) - 1)])
        for index in low.tolist()
    ]
    apart = np.diff(exact, prepend=-np.inf) > SAME_MM
    return np.asarray(exact)[apart]


def _least(cost: Callable[[FloatArray], FloatArray], start: float, end: float) -> float:
    """Depth of the least cost between two, looking ever closer."""
    for _ in range(_LOOKS):
        depths = np.linspace(start, end, _CLOSER)
        index = int(cost(depths).argmin())
        start, end = depths[max(index - 1, 0)], depths[min(index + 1, _CLOSER - 1)]
    return float(depths[index])


def _uncertainty(cost: Callable[[FloatArray], FloatArray], depth: float) -> float:
    """How far from a depth the cost has risen by one on both sides, mm."""
    rise = np.minimum(cost(depth - _BESIDE), cost(depth + _BESIDE)) - cost(np.asarray(depth))
    return float(_BESIDE[int((rise >= 1).argmax())] if (rise >= 1).any() else _BESIDE[-1])
