"""What is known of lenses: from a calibration, or from a recording by each camera alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.files.calibration_file import read_calibration
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings.events import Message

from .detection.find_boards import find_boards, moments_to_look_at
from .detection.select_moments import is_blurred, select_moments
from .errors import CalibrationError
from .solver.known import KnownLenses, check_sizes, numbers_of
from .solver.lenses import SKEW
from .solver.solution import Model, solve
from .sources.board_source import image_size, open_source

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_sdannce.files.calibration import ReadCalibration
    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.calibrate import CalibrateSettings
    from napari_sdannce.settings.events import Event

    from .boards.board_kinds import CharucoBoard, Checkerboard
    from .detection.detections import Detections, Size
    from .solver.lenses import Lens
    from .solver.solution import Solution
    from .sources.board_source import BoardSource

_MOST = 80
"""Moments that a lens is measured from, at most."""


def known_lenses(
    settings: CalibrateSettings,
    lens: Lens,
    board: CharucoBoard | Checkerboard,
    detections: Detections,
) -> Generator[Event, None, KnownLenses]:
    """What `settings.intrinsics` says of the lenses of the cameras.

    Yields
    ------
    Event
        How far measuring is; what was taken from where.

    Raises
    ------
    CalibrationError
        When it is neither a calibration nor a recording of the board, or of other cameras.
    """
    path = settings.intrinsics
    assert path is not None
    read = _read(settings)
    if read is None:
        return (yield from _measured(path, settings, lens, board, detections))
    names, sizes = detections.names, detections.image_sizes
    yield Message(text=f"lenses are taken from {read}")
    if _is_in_order(read, names):
        theirs = ", ".join(camera.name for camera in read.cameras)
        yield Message(
            level="warning",
            text=f"{path.name} names other cameras ({theirs}): taken in their order",
        )
    return KnownLenses.of_cameras(lens, _cameras_of(read, path, lens, names, sizes), sizes)


def check_lenses(
    settings: CalibrateSettings, lens: Lens, names: Sequence[str], sizes: Sequence[Size | None]
) -> None:
    """Check that lenses are those of these cameras, before the search begins.

    Parameters
    ----------
    settings
        Of a recording that lenses are measured from, the first images are looked at.
    lens
        Kind of lens of all cameras.
    names, sizes
        V cameras, and (width, height) px of their images; None: not known.

    Raises
    ------
    CalibrationError, ValueError
        When it has none of them, images have another size there, or a lens is of another kind.
    FileFormatError
        When it is neither a calibration nor a folder.
    """
    path = settings.intrinsics
    if path is None:
        return
    read = _read(settings)
    if read is None:
        _open_lenses(path, names, sizes).close()
    else:
        _cameras_of(read, path, lens, names, sizes)


def _read(settings: CalibrateSettings) -> ReadCalibration | None:
    """The calibration that lenses are taken from; None when it may be a recording."""
    path = settings.intrinsics
    assert path is not None
    try:
        return read_calibration(path, pixel_origin=PixelOrigin(settings.pixel_origin))
    except FileFormatError:
        if not path.is_dir():
            raise
        return None


def _is_in_order(read: ReadCalibration, names: Sequence[str]) -> bool:
    """Whether cameras are those of a file in its order: MATLAB files do not name them."""
    theirs = {camera.name for camera in read.cameras}
    return not theirs & set(names) and len(theirs) == len(names)


def _cameras_of(
    read: ReadCalibration,
    path: Path,
    lens: Lens,
    names: Sequence[str],
    sizes: Sequence[Size | None],
) -> list[Camera | None]:
    """(V,) cameras of a file for those of a recording, None where it has none."""
    by_name = {camera.name: camera for camera in read.cameras}
    if _is_in_order(read, names):
        by_name = dict(zip(names, read.cameras, strict=True))
    if not set(by_name) & set(names):
        raise CalibrationError(
            f"{path}: it has {', '.join(by_name)}, and the recording {', '.join(names)}"
        )
    cameras = [by_name.get(name) for name in names]
    check_sizes(cameras, sizes, path)
    for camera in cameras:
        if camera is not None:
            numbers_of(lens, camera)  # or say that its lens is of another kind
    return cameras


def _open_lenses(path: Path, names: Sequence[str], sizes: Sequence[Size | None]) -> BoardSource:
    """A recording of lenses, whose images have the sizes of those of the cameras."""
    source = open_source(path, "auto", in_time=False)
    try:
        if not set(source.names) & set(names):
            raise CalibrationError(
                f"{path}: it has {', '.join(source.names)}, and the recording {', '.join(names)}"
            )
        for name, wanted in zip(names, sizes, strict=True):
            if name not in source.names or wanted is None:
                continue
            there = image_size(source, source.names.index(name))
            if there is not None and there != wanted:
                raise CalibrationError(
                    f"{path}: images of '{name}' have {there[0]} x {there[1]} px there, and "
                    f"{wanted[0]} x {wanted[1]} px in the recording"
                )
    except BaseException:
        source.close()
        raise
    return source


def _measured(
    path: Path,
    settings: CalibrateSettings,
    lens: Lens,
    board: CharucoBoard | Checkerboard,
    detections: Detections,
) -> Generator[Event, None, KnownLenses]:
    """Lenses from a recording of the board, each camera on its own."""
    source = _open_lenses(path, detections.names, detections.image_sizes)
    try:
        moments = moments_to_look_at(source.n_moments, settings.every, settings.most)
        found = yield from find_boards(source, board, moments)
    finally:
        source.close()
    known = KnownLenses.nothing(lens, len(detections.names))
    for view, name in enumerate(detections.names):
        if name not in source.names:
            continue
        here = source.names.index(name)
        own = found.detections.of_views([here])
        blur = found.blur_px[found.detections.view == here]
        sharp = ~is_blurred(own, blur)
        own, blur = own.take(sharp), blur[sharp]
        if not len(own):
            yield Message(level="warning", text=f"{path.name}: {name} saw no board there")
            continue
        part = own.at(select_moments(own, blur, _MOST))
        solution = solve(part, board, Model(lens, settings.distortion))
        known = _with(known, view, solution)
        focal, sigma = solution.fit.rig.numbers[0, 0], solution.fit.covariance.sigma[0, 0]
        yield Message(
            text=f"the lens of {name}: focal length {focal:.1f} ± {sigma:.1f} px, from "
            f"{len(part.moments)} moments of {path.name}"
        )
    return known


def _with(known: KnownLenses, view: int, solution: Solution) -> KnownLenses:
    """The same, with what was measured of one camera."""
    numbers, precision = known.numbers.copy(), known.precision.copy()
    n = numbers.shape[1]
    covariance = solution.fit.covariance.of_camera(0, n)
    fixed = np.flatnonzero(np.diag(covariance) == 0)
    # terms that were not solved for are known as well as anything; skew is never solved for
    covariance[fixed, fixed] = 1e-12
    covariance[SKEW, SKEW] = 1
    numbers[view] = solution.fit.rig.numbers[0]
    precision[view] = np.linalg.inv(covariance)
    return replace(known, numbers=numbers, precision=precision)
