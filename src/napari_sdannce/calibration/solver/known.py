"""What is known of the lenses before: priors on intrinsic numbers, and cameras as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.geometry.cameras import Camera

from .adjust import Prior
from .lenses import CX, CY, FX, FY, N_PINHOLE, SKEW, BrownLens, FisheyeLens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.detection.detections import Size

    from .lenses import Lens
    from .rigid import Motions
    from .uncertainty import Covariance

FloatArray = npt.NDArray[np.float64]

_FOCAL, _AXIS, _BEND = 0.005, 0.005, 0.1
"""Sigmas of intrinsics that came without: shares of the focal length, of the image's longer side,
and of what distortion terms usually are."""
_SQUARE, _MIDDLE, _LENGTH = 0.01, 0.05, 0.5
"""Of any camera: fx less fy, as a share of the focal length; axis from the middle, of the side;
focal length from where it began. Boards that tell it at all tell it to a hundredth."""


def plain_numbers(lens: Lens, size: Size, focal: float) -> FloatArray:
    """(P,) of a camera that looks through the middle of its image and does not bend."""
    numbers = np.zeros(N_PINHOLE + len(lens.terms))
    numbers[[FX, FY]] = focal
    numbers[[CX, CY]] = (np.array(size) - 1) / 2
    return numbers


def _radius(size: Size, focal: float) -> float:
    return float(np.hypot(*size)) / 2 / focal


def weak_prior(lens: Lens, sizes: Sequence[Size], focal: Sequence[float]) -> Prior:
    """What holds of any camera: square pixels, axis near the middle, bending that is not extreme.

    It decides only where the boards say little. Boards that all face a camera leave its focal
    length open: it stays about where it began then.
    """
    n = N_PINHOLE + len(lens.terms)
    mean = np.stack([plain_numbers(lens, size, f) for size, f in zip(sizes, focal, strict=True)])
    precision = np.zeros((len(sizes), n, n))
    for own, size, f in zip(precision, sizes, focal, strict=True):
        square = 1 / (_SQUARE * f) ** 2
        own[[FX, FY], [FX, FY]] += square + 0.5 / (_LENGTH * f) ** 2
        own[[FX, FY], [FY, FX]] -= square
        own[[CX, CY], [CX, CY]] = 1 / (_MIDDLE * max(size)) ** 2
        own[SKEW, SKEW] = 1  # px; it is not solved for
        terms = range(N_PINHOLE, n)
        own[terms, terms] = 1 / lens.usual(_radius(size, f)) ** 2
    return Prior(mean, precision)


@dataclass(frozen=True, eq=False, slots=True)
class KnownLenses:
    """Intrinsic numbers that were measured before.

    Parameters
    ----------
    numbers
        (V, P), NaN for cameras of which nothing is known.
    precision
        (V, P, P) their inverse covariances.
    """

    numbers: FloatArray
    precision: FloatArray

    @classmethod
    def nothing(cls, lens: Lens, n_views: int) -> KnownLenses:
        """Of no camera."""
        n = N_PINHOLE + len(lens.terms)
        return cls(np.full((n_views, n), np.nan), np.zeros((n_views, n, n)))

    @classmethod
    def of_cameras(
        cls, lens: Lens, cameras: Sequence[Camera | None], sizes: Sequence[Size]
    ) -> KnownLenses:
        """Of cameras from a file, None where it has none; files hold no sigmas: half a percent."""
        known = cls.nothing(lens, len(cameras))
        for i, (camera, size) in enumerate(zip(cameras, sizes, strict=True)):
            if camera is None:
                continue
            numbers = known.numbers[i] = numbers_of(lens, camera)
            focal = (numbers[FX] + numbers[FY]) / 2
            sigma = np.empty(len(numbers))
            sigma[[FX, FY]] = _FOCAL * focal
            sigma[[CX, CY]] = _AXIS * max(size)
            sigma[SKEW] = 1
            sigma[N_PINHOLE:] = _BEND * lens.usual(_radius(size, focal))
            known.precision[i] = np.diag(1 / sigma**2)
        return known

    @property
    def has(self) -> npt.NDArray[np.bool_]:
        """(V,) cameras of which something is known."""
        return np.asarray(np.isfinite(self.numbers).all(axis=1))

    def without(self, views: npt.NDArray[np.bool_]) -> KnownLenses:
        """The same, but nothing of some cameras."""
        return KnownLenses(
            np.where(views[:, None], np.nan, self.numbers),
            np.where(views[:, None, None], 0, self.precision),
        )

    def prior(self, weak: Prior) -> Prior:
        """These where something is known, else what holds of any camera."""
        has = self.has
        return Prior(
            np.where(has[:, None], np.nan_to_num(self.numbers), weak.mean),
            np.where(has[:, None, None], self.precision, weak.precision),
        )

    def strain(self, numbers: FloatArray, covariance: Covariance) -> FloatArray:
        """(V,) sigmas by which the boards pull the worst number of each camera from what was known.

        A solution that heeded what was known differs from it by the difference of the two
        covariances.
        """
        n = numbers.shape[1]
        found = np.zeros(len(numbers))
        for i in np.flatnonzero(self.has).tolist():
            before = np.diag(np.linalg.pinv(self.precision[i]))
            after = np.diag(covariance.of_camera(i, n))
            spread = np.sqrt(np.maximum(before - after, 0.01 * before))
            off = np.abs(numbers[i] - self.numbers[i])
            found[i] = np.max(off / np.where(spread > 0, spread, np.inf))
        return found


def check_sizes(
    cameras: Sequence[Camera | None], sizes: Sequence[Size | None], place: object = None
) -> None:
    """Check that images (width, height) px are of the sizes that cameras were calibrated for.

    Parameters
    ----------
    cameras, sizes
        None where one is not known.
    place
        What a message begins with.

    Raises
    ------
    CalibrationError
        When they are not: lenses are those of other pixels then.
    """
    where = "" if place is None else f"{place}: "
    for camera, size in zip(cameras, sizes, strict=True):
        stated = None if camera is None else camera.image_size
        if camera is not None and stated is not None and size is not None and stated != size:
            raise CalibrationError(
                f"{where}'{camera.name}' was calibrated for images of {stated[0]} x {stated[1]} "
                f"px, and its images have {size[0]} x {size[1]} px"
            )


def lens_of(cameras: Sequence[Camera]) -> Lens:
    """Kind of lens of cameras.

    Raises
    ------
    ValueError
        When there are both kinds.
    """
    fisheyes = [camera.name for camera in cameras if camera.fisheye]
    if fisheyes and len(fisheyes) < len(cameras):
        raise ValueError(
            f"{', '.join(fisheyes)} have fisheye lenses and the other cameras have not: cameras "
            "are calibrated together with one kind of lens"
        )
    return FisheyeLens() if fisheyes else BrownLens()


def numbers_of(lens: Lens, camera: Camera) -> FloatArray:
    """(P,) intrinsic numbers of a camera.

    Raises
    ------
    ValueError
        When its lens is of another kind.
    """
    matrix, is_fisheye = camera.matrix, isinstance(lens, FisheyeLens)
    if camera.fisheye != is_fisheye:
        had, wanted = ("fisheye", "pinhole") if camera.fisheye else ("pinhole", "fisheye")
        raise ValueError(f"camera '{camera.name}' has a {had} lens, not a {wanted} one")
    if is_fisheye:
        terms = camera.radial
    else:
        k1, k2, k3 = camera.radial3
        terms = np.array([k1, k2, *camera.tangential, k3])
    return np.array([matrix[0, 0], matrix[1, 1], *matrix[:2, 2], matrix[0, 1], *terms])


def camera_of(lens: Lens, name: str, numbers: FloatArray, motion: Motions, size: Size) -> Camera:
    """Camera of its intrinsic numbers (P,) and its motion from the world into it."""
    matrix = np.eye(3)
    matrix[0, 0], matrix[1, 1], matrix[0, 1] = numbers[FX], numbers[FY], numbers[SKEW]
    matrix[:2, 2] = numbers[[CX, CY]]
    pose, terms = (motion.rotation, motion.translation), numbers[N_PINHOLE:]
    if isinstance(lens, FisheyeLens):
        return Camera(name, matrix, *pose, radial=terms, image_size=size, fisheye=True)
    k1, k2, p1, p2, k3 = terms
    radial = np.array([k1, k2, k3] if k3 else [k1, k2])
    return Camera(name, matrix, *pose, radial, np.array([p1, p2]), size)
