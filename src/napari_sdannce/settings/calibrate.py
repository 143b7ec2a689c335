"""Settings of calibrating cameras."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from .base import Settings, _at_commas

LensKind = Literal["pinhole", "fisheye"]
KnownUse = Literal["prior", "fixed"]
Match = Literal["auto", "index", "timestamps", "sync"]
Late = Literal["tell", "correct"]
World = Literal["first-camera", "board", "floor", "points"]
CalibrationFile = Literal["aniposelib", "hires", "dannce", "opencv", "caliscope", "jarvis"]


class LensSettings(Settings):
    """What is solved for of the lenses, and what is known of them."""

    lens: LensKind = Field(
        "pinhole", description="Kind of lens of all cameras: pinhole, or fisheye (very wide)"
    )
    distortion: Annotated[tuple[str, ...] | None, BeforeValidator(_at_commas)] = Field(
        None,
        description="Distortion terms to solve for, with commas: k1,k2 (pinhole: k1,k2,p1,p2,k3; "
        "fisheye: k1,k2,k3,k4); default: all of the lens",
    )
    intrinsics: Path | None = Field(
        None,
        description="What is known of the lenses: a calibration of any format, or a folder with a "
        "recording of the board by each camera alone",
    )
    intrinsics_use: KnownUse = Field(
        "prior",
        description="prior: known lenses count half a percent, and are given up where the boards "
        "contradict them; fixed: they stay as they are",
    )


class WorldSettings(Settings):
    """Where the origin lies, and how the axes run."""

    world: World = Field(
        "first-camera",
        description="first-camera: its frame; board: that of the board at a frame, z up; floor: "
        "the plane on which it lay at some frames, z up; points: measured points",
    )
    world_frames: Annotated[tuple[int, ...], BeforeValidator(_at_commas)] = Field(
        (), description="Frames at which the board lies as 'world' needs it, with commas"
    )
    world_points: Path | None = Field(
        None,
        description="Measured points (.csv: camera, point, x, y in px, X, Y, Z in mm), as the "
        "posts of an L-frame clicked in the images; with any 'world', two and more tell whether "
        "lengths are right",
    )


class CalibrateSettings(LensSettings, WorldSettings):
    """What is calibrated from, how, and what is written."""

    source: Path = Field(description="Folder with the videos, or folders of stills, of all cameras")
    board: Path = Field(
        description="File of the board (.toml), needed; `sdannce board new` makes one"
    )
    out: Path | None = Field(
        None, description="Folder for the results; default: 'calibration' in that of the videos"
    )
    found: Path | None = Field(
        None,
        description="Results of an earlier calibration of the same images: the boards that were "
        "found then are used, and no image is read",
    )
    cameras: Annotated[tuple[str, ...] | None, BeforeValidator(_at_commas)] = Field(
        None,
        min_length=1,
        description="Cameras to calibrate, with commas; default: all of the recording",
    )
    match: Match = Field(
        "auto",
        description="Which frames belong to one moment: those of equal index, of equal "
        "timestamps, or as the recording's sync says; default: what there is",
    )
    every: int | None = Field(
        None, ge=1, description="Look for the board in every so many moments only; default: in "
        "all, or in as many as 'most' allows, evenly; to correct late cameras, with those just "
        "before and after"
    )  # fmt: skip
    most: int = Field(
        1500, ge=3, description="Moments that are looked at, at most, when 'every' is left open"
    )
    use: int = Field(
        250,
        ge=3,
        description="Moments that are calibrated from, at most: those with the boards that tell "
        "most",
    )
    late: Late = Field(
        "tell",
        description="Cameras that are late by the same time in all frames, as webcams are: tell "
        "it, or correct: find out by how much, and move corners to where they were. Lenses are "
        "then truer; errors of images as they are get larger",
    )
    files: Annotated[tuple[CalibrationFile, ...] | None, BeforeValidator(_at_commas)] = Field(
        None,
        min_length=1,
        description="Formats to write, with commas: aniposelib (calibration.toml), hires "
        "(hires_cam<i>_params.mat), dannce, opencv, caliscope, jarvis; default: aniposelib, and "
        "hires where lenses are no fisheyes",
    )
    pixel_origin: Literal["matlab", "zero"] = Field(
        "matlab",
        description="What .mat files call the first pixel: matlab (1, 1), as DANNCE expects, or "
        "zero (0, 0)",
    )
    overwrite: bool = Field(False, description="Replace results that are in the folder already")

    @property
    def formats(self) -> tuple[CalibrationFile, ...]:
        """Formats to write."""
        if self.files is not None:
            return self.files
        return ("aniposelib",) if self.lens == "fisheye" else ("aniposelib", "hires")
