"""Settings of overlay videos."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from napari_sdannce.settings.base import Settings


class LookSettings(Settings):
    """How keypoints are drawn over the cameras."""

    zoom: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Follow the animals: show this many mm round their middle instead of whole "
        "images",
    )
    columns: int = Field(3, ge=1, le=12, description="Cameras side by side, at most")
    width: int = Field(1920, ge=64, le=8192, description="Width of the picture at most, px")
    colors: Literal["keypoint", "animal"] | None = Field(
        None,
        description="What a colour stands for; default: the animal when there are several, else "
        "the keypoint",
    )
    caption: bool = Field(True, description="Write camera and frame into every image")


class StretchSettings(Settings):
    """What is drawn over which moments of a recording, and where to."""

    predictions: Path | None = Field(
        None,
        description="Poses to draw: a store, a folder with one, or save_data_AVG*.mat; default: "
        "the only ones in the recording's folder",
    )
    labels: Path | None = Field(
        None, description="Labels to draw instead: a label file; only labelled frames are shown"
    )
    com: Path | None = Field(
        None,
        description="Centres of mass to draw as dots; default: those the poses were predicted with",
    )
    output: Path | None = Field(
        None, description="Video to write; default: overlay.mp4 beside what is drawn"
    )
    cameras: tuple[str, ...] = Field(
        (), description="Cameras to show, in this order; default: all of the recording"
    )
    start: int | None = Field(
        None, ge=0, description="First frame to show; default: the first with something to draw"
    )
    count: int | None = Field(
        None, ge=1, description="How many frames; default: to the last with something to draw"
    )
    fps: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Frames shown a second; default: as recorded, labels one a second",
    )
    quality: int = Field(
        18, ge=0, le=51, description="Constant rate factor of the video: 0 best, 51 smallest"
    )


class RenderSettings(LookSettings, StretchSettings):
    """An overlay video."""
