"""Settings of the cube of voxels round an animal."""

from typing import Literal

from pydantic import Field

from napari_sdannce.settings.base import Settings


class VolumeSettings(Settings):
    """The cube of voxels round an animal's centre of mass."""

    size_mm: float = Field(240.0, gt=0, le=1e6, description="Edge length of the cube, mm")
    voxels: int = Field(80, ge=8, le=256, multiple_of=8, description="Voxels along each edge")
    interpolation: Literal["nearest", "linear", "reference-linear"] = Field(
        "nearest",
        description="How pixels are read: the nearest one, between four, or between four as the "
        "reference program does (with swapped weights; only for weights trained so)",
    )

    @property
    def voxel_mm(self) -> float:
        """Edge length of a voxel, mm."""
        return self.size_mm / self.voxels

    def in_words(self) -> str:
        """The cube for a person, as ``a cube of 240 mm in 80 voxels (nearest)``."""
        return f"a cube of {self.size_mm:g} mm in {self.voxels} voxels ({self.interpolation})"
