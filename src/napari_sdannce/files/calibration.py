"""What a file of calibrated cameras holds, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry.cameras import check_unique_names

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.recording import PixelOrigin

_METRES_WITHIN = 20.0
"""Cameras that stand so close together, mm, are likely metres apart."""


class CalibrationFormat(StrEnum):
    """Where cameras come from, or go to."""

    ANIPOSE = "aniposelib"
    CALISCOPE = "caliscope"
    DANNCE = "dannce"
    HIRES = "hires"
    JARVIS = "jarvis"
    LABEL3D = "label3d"
    OPENCV = "opencv"
    PROJECT = "sdannce"


@dataclass(frozen=True, eq=False)
class ReadCalibration:
    """Cameras of a file or folder: lengths in mm, the centre of the first pixel at (0, 0).

    Parameters
    ----------
    cameras
        One at least, names that differ.
    format
        What the file is.
    source
        The file or folder.
    without_pose
        Names of the cameras whose place and direction the file does not say; they stand at the
        origin and look along z.
    pixel_origin
        How a MATLAB file was read; None: its format counts pixels from 0.
    mm_per_unit
        What the file's lengths were multiplied by.
    notes
        What a person should know.
    """

    cameras: tuple[Camera, ...]
    format: CalibrationFormat
    source: Path
    without_pose: tuple[str, ...] = ()
    pixel_origin: PixelOrigin | None = None
    mm_per_unit: float = 1.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.cameras:
            raise ValueError("it has no cameras")
        check_unique_names(self.cameras)

    @property
    def has_poses(self) -> bool:
        """Whether it says where every camera stands."""
        return not self.without_pose

    def __str__(self) -> str:
        count = len(self.cameras)
        return f"{self.source.name}: {count} camera{'s' * (count > 1)} {self.told}"

    @property
    def told(self) -> str:
        """Format, units and first pixel in words."""
        unit = {1.0: "mm", 10.0: "cm", 1000.0: "m"}.get(
            self.mm_per_unit, f"units of {self.mm_per_unit:g} mm"
        )
        poses = f"poses in {unit}" if self.has_poses else "lenses alone, no poses"
        if 0 < len(self.without_pose) < len(self.cameras):
            poses = f"poses in {unit}, but none of {', '.join(self.without_pose)}"
        return f"of {self.format}, {poses}, pixels {_first_pixel(self.pixel_origin)}"

    def in_mm(self, mm_per_unit: float) -> ReadCalibration:
        """The same, lengths multiplied."""
        cameras = tuple(
            replace(camera, translation=camera.translation * mm_per_unit) for camera in self.cameras
        )
        return replace(self, cameras=cameras, mm_per_unit=self.mm_per_unit * mm_per_unit)

    def with_doubts(self) -> ReadCalibration:
        """The same, with a note where lengths look like metres that were taken for mm."""
        centres = [each.centre for each in self.cameras if each.name not in self.without_pose]
        apart = np.ptp(centres, axis=0).max() if len(centres) > 1 else np.inf
        if not 0 < apart < _METRES_WITHIN:
            return self
        note = (
            f"its cameras stand within {apart:.3g} mm of each other: if its lengths are metres, "
            "read it with 1000 mm a unit"
        )
        return replace(self, notes=(*self.notes, note))


def _first_pixel(origin: PixelOrigin | None) -> str:
    if origin is None:
        return "from 0"
    return f"as pixel_origin '{origin}' says"
