"""Settings of the import of 2D keypoints that other programs made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_sdannce.settings.base import Settings


class ImportSettings(Settings):
    """How 2D keypoints of other programs become labels with 3D."""

    state: Literal["human", "predicted"] = Field(
        "predicted", description="Who placed the points: a person, or a program"
    )
    min_likelihood: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Points of which the program was less sure do not count as seen",
    )
    every: int = Field(1, ge=1, description="Take every n-th frame")
    frame_offset: int = Field(
        0, description="Added to the frame numbers of the files, e.g. when their first frame is 1"
    )
    reject_px: float | None = Field(
        None,
        gt=0,
        description="Views farther than this from where the other views see a point are left out "
        "of its 3D, px; default: 3 % of the focal length",
    )
    accept_px: float | None = Field(
        None,
        gt=0,
        description="Points whose views are farther apart than this on average get no 3D, px; "
        "default: all points get one",
    )
    labeler: str = Field("", description="Name of who placed the points")
