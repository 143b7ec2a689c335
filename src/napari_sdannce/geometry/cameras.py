"""A calibrated camera: pinhole with skew, radial and tangential distortion, or a fisheye."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.distortion import distort, fold_radius, undistort
from napari_sdannce.geometry.fisheye import distort_fisheye, fold_angle, undistort_fisheye

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]

_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "matrix": ((3, 3),),
    "rotation": ((3, 3),),
    "translation": ((3,),),
    "radial": ((2,), (3,)),
    "tangential": ((2,),),
}
_FISHEYE_SHAPES = _SHAPES | {"radial": ((4,),)}


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    World units are mm. Pixels are (x, y), x to the right, y down; the centre of the first pixel is
    (0, 0). A world point X lies at ``rotation @ X + translation`` in the camera's frame, z forward.

    Parameters
    ----------
    name
        Name of the camera, as in the recording.
    matrix
        (3, 3) intrinsic matrix ``[[fx, skew, cx], [0, fy, cy], [0, 0, 1]]`` in px.
    rotation
        (3, 3) rotation from world to camera.
    translation
        (3,) mm.
    radial
        (2,) or (3,) radial distortion coefficients k1, k2[, k3]; of a fisheye (4,) k1, k2, k3, k4.
    tangential
        (2,) tangential distortion coefficients p1, p2; zero of a fisheye.
    image_size
        (width, height) in px, None when not known.
    fisheye
        Whether the lens bends angles off the axis (OpenCV's fisheye), not their tangents.

    Raises
    ------
    ValueError
        When an array has another shape, holds NaN, or the matrices are not what they claim to be.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> camera = Camera("front", matrix, np.eye(3), np.array([0, 0, 100.0]))
    >>> camera.project(np.array([10.0, 0, 0])).tolist()
    [370.0, 240.0]
    """

    name: str
    matrix: FloatArray
    rotation: FloatArray
    translation: FloatArray
    radial: FloatArray = field(default_factory=lambda: np.zeros(2))
    tangential: FloatArray = field(default_factory=lambda: np.zeros(2))
    image_size: tuple[int, int] | None = None
    fisheye: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "fisheye", bool(self.fisheye))
        for what, allowed in (_FISHEYE_SHAPES if self.fisheye else _SHAPES).items():
            value = np.array(getattr(self, what), dtype=np.float64)
            if value.shape not in allowed:
                expected = " or ".join(map(str, allowed))
                raise ValueError(
                    f"camera '{self.name}': {what} has shape {value.shape}, expected {expected}"
                )
            if not np.isfinite(value).all():
                raise ValueError(f"camera '{self.name}': {what} holds values that are not finite")
            value.setflags(write=False)
            object.__setattr__(self, what, value)
        if self.fisheye and self.tangential.any():
            raise ValueError(
                f"camera '{self.name}': a fisheye has no tangential distortion, got "
                f"{self.tangential.tolist()}"
            )
        self._check_matrices()
        if self.image_size is not None:
            object.__setattr__(self, "image_size", self._checked_size(self.image_size))

    def _checked_size(self, size: Sequence[int]) -> tuple[int, int]:
        if len(size) != 2 or any(side != int(side) or side < 1 for side in size):
            raise ValueError(
                f"camera '{self.name}': image size must be (width, height) in whole px, got {size}"
            )
        return int(size[0]), int(size[1])

    def _check_matrices(self) -> None:
        below = self.matrix[[1, 2, 2], [0, 0, 1]]
        if np.abs(below).max() > 1e-6 * np.abs(self.matrix).max() or self.matrix[2, 2] != 1:
            raise ValueError(
                f"camera '{self.name}': matrix must be [[fx, skew, cx], [0, fy, cy], [0, 0, 1]], "
                f"got {self.matrix.tolist()} (a transposed matrix, as in MATLAB files?)"
            )
        if self.matrix[0, 0] <= 0 or self.matrix[1, 1] <= 0:
            raise ValueError(f"camera '{self.name}': focal lengths must be positive")
        error = np.abs(self.rotation @ self.rotation.T - np.eye(3)).max()
        if error > 1e-3 or np.linalg.det(self.rotation) < 0:
            raise ValueError(
                f"camera '{self.name}': rotation is not a rotation matrix (R R^T differs from the "
                f"identity by {error:.2g}, determinant {np.linalg.det(self.rotation):.3g})"
            )

    def seen_from(self, turn: npt.ArrayLike, origin: npt.ArrayLike) -> Camera:
        """Return the same camera in another world frame.

        Parameters
        ----------
        turn
            (3, 3) rotation from the old axes to the new ones.
        origin
            (3,) where the new frame's origin lies in the old one, mm.
        """
        rotation = self.rotation @ np.asarray(turn, dtype=np.float64).T
        moved = self.rotation @ np.asarray(origin, dtype=np.float64) + self.translation
        return replace(self, rotation=rotation, translation=moved)

    @property
    def radial3(self) -> FloatArray:
        """Radial coefficients k1, k2, k3, k3 = 0 when the camera has two terms.

        Raises
        ------
        ValueError
            When it is a fisheye, whose coefficients mean something else.
        """
        if self.fisheye:
            raise ValueError(
                f"camera '{self.name}' is a fisheye: its lens is no k1, k2, k3, p1, p2"
            )
        return np.concatenate([self.radial, np.zeros(3 - len(self.radial))])

    @cached_property
    def reach(self) -> float:
        """Distance from the axis (x/z, y/z) up to which the lens model is one-to-one, or inf."""
        if self.fisheye:
            widest = self.widest_angle
            return float(np.tan(widest)) if widest < np.pi / 2 else np.inf
        return fold_radius(tuple(self.radial3.tolist()), tuple(self.tangential.tolist()))

    @property
    def widest_angle(self) -> float:
        """Angle off the axis, radians, up to which the lens model is one-to-one; at most pi / 2."""
        if self.fisheye:
            return fold_angle(tuple(self.radial.tolist()))
        return float(np.arctan(self.reach))

    @property
    def projection_matrix(self) -> FloatArray:
        """(3, 4) pinhole matrix ``matrix @ [rotation | translation]``."""
        extrinsic = np.concatenate([self.rotation, self.translation[:, None]], axis=1)
        return np.asarray(self.matrix @ extrinsic)

    @property
    def centre(self) -> FloatArray:
        """(3,) position of the camera in the world, mm."""
        return np.asarray(-self.rotation.T @ self.translation)

    def to_camera_frame(self, xyz: npt.ArrayLike) -> FloatArray:
        """Move world points (..., 3) into the camera's frame (z forward), mm."""
        return self._vectors(xyz, 3, "world points") @ self.rotation.T + self.translation

    def project(self, xyz: npt.ArrayLike) -> FloatArray:
        """Project world points (..., 3) in mm to pixels (..., 2), distorted.

        Points behind the camera, points so far off the axis that the lens model folds back
        (`reach`), and NaN points, give NaN. Points merely outside the image do not: see `sees`.

        Examples
        --------
        >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
        >>> camera = Camera("front", matrix, np.eye(3), np.zeros(3), radial=[-0.3, 0])
        >>> camera.project([[0, 0, 100], [0, 0, -100], [200, 0, 100]]).tolist()
        [[320.0, 240.0], [nan, nan], [nan, nan]]
        """
        in_camera = self.to_camera_frame(xyz)
        depth = in_camera[..., 2:]
        ideal = in_camera[..., :2] / np.where(depth > 0, depth, np.nan)
        if np.isfinite(self.reach):
            ideal[(ideal**2).sum(axis=-1) > self.reach**2] = np.nan
        return self.to_pixels(self._bent(ideal))

    def _bent(self, ideal: FloatArray) -> FloatArray:
        """Distorted normalised coordinates of ideal ones (..., 2)."""
        if self.fisheye:
            return distort_fisheye(ideal, self.radial)
        return distort(ideal, self.radial3, self.tangential)

    def _ideal(self, pixels: npt.ArrayLike) -> FloatArray:
        """Ideal normalised coordinates of observed pixels (..., 2)."""
        bent = self.to_normalised(pixels)
        if self.fisheye:
            return undistort_fisheye(bent, self.radial)
        return undistort(bent, self.radial3, self.tangential)

    def to_pixels(self, normalised: FloatArray) -> FloatArray:
        """Map (distorted) normalised coordinates (..., 2) to pixels."""
        return normalised @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def to_normalised(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map pixels (..., 2) to normalised coordinates, still distorted."""
        x, y = np.moveaxis(self._vectors(pixels, 2, "pixels") - self.matrix[:2, 2], -1, 0)
        ny = y / self.matrix[1, 1]
        return np.stack([(x - self.matrix[0, 1] * ny) / self.matrix[0, 0], ny], axis=-1)

    def undistort(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map observed pixels (..., 2) to the pixels of the ideal pinhole camera.

        The exact inverse of the lens model, skew included. NaN where the model has no inverse.

        Examples
        --------
        >>> matrix = np.array([[500.0, 2, 320], [0, 500, 240], [0, 0, 1]])
        >>> camera = Camera("front", matrix, np.eye(3), np.zeros(3), radial=[-0.1, 0.05])
        >>> point = np.array([30.0, -20, 100])
        >>> ideal = matrix @ point / point[2]
        >>> np.abs(camera.undistort(camera.project(point)) - ideal[:2]).max() < 1e-9
        np.True_
        """
        return self.to_pixels(self._ideal(pixels))

    def rays(self, pixels: npt.ArrayLike) -> FloatArray:
        """Directions (..., 3), unit length, in the world, of the lines of sight of pixels (..., 2).

        They start at `centre`.

        Examples
        --------
        >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
        >>> camera = Camera("front", matrix, np.eye(3), np.zeros(3))
        >>> camera.rays([320, 240]).tolist()
        [0.0, 0.0, 1.0]
        """
        ideal = self._ideal(pixels)
        along = np.concatenate([ideal, np.ones((*ideal.shape[:-1], 1))], axis=-1)
        lengths = np.linalg.norm(along, axis=-1, keepdims=True)
        return np.asarray((along / lengths) @ self.rotation)

    def sees(self, pixels: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which pixels (..., 2) lie inside the image."""
        if self.image_size is None:
            raise ValueError(f"camera '{self.name}': the image size is not known")
        points = self._vectors(pixels, 2, "pixels")
        limit = np.array(self.image_size) - 0.5
        return np.asarray(((points >= -0.5) & (points < limit)).all(axis=-1))

    def _vectors(self, values: npt.ArrayLike, width: int, what: str) -> FloatArray:
        """Values as an array (..., width), or say that they are none."""
        vectors = np.asarray(values, dtype=np.float64)
        if vectors.shape[-1:] != (width,):
            raise ValueError(
                f"camera '{self.name}': {what} have shape {vectors.shape}, expected (..., {width})"
            )
        return vectors

    def scaled(self, factor: float) -> Camera:
        """Return the camera of images resized by `factor` (0.5: half as wide)."""
        matrix = self.matrix.copy()
        matrix[:2] *= factor
        # pixel centres move: (x + 1/2) * factor - 1/2
        matrix[:2, 2] += (factor - 1) / 2
        size = self.image_size
        resized = None if size is None else (round(size[0] * factor), round(size[1] * factor))
        return replace(self, matrix=matrix, image_size=resized)

    def cropped(self, x: int, y: int, width: int, height: int) -> Camera:
        """Return the camera of images cropped to `width` x `height` px from pixel (x, y)."""
        matrix = self.matrix.copy()
        matrix[:2, 2] -= (x, y)
        return replace(self, matrix=matrix, image_size=(width, height))


def check_unique_names(cameras: Sequence[Camera]) -> None:
    """Raise ValueError when two cameras share a name."""
    names = [camera.name for camera in cameras]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"camera names must differ, these occur more than once: {twice}")
