"""Whether the cameras of a recording still stand where they were calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.calibration.errors import CalibrationError

from .check_drift import check_drift
from .seen_points import seen_points

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.recording import Recording

    from .check_drift import CameraDrift


def check_recording(recording: Recording, sources: Sequence[Path] = ()) -> tuple[CameraDrift, ...]:
    """Compare each camera of a recording with the others.

    Parameters
    ----------
    recording
        Calibrated, with three cameras or more.
    sources
        As for `seen_points`.

    Raises
    ------
    CalibrationError
        When it has no points, or too few to tell of any camera.
    FileFormatError
        When a file can not be read.
    ValueError
        When there are fewer than three cameras, or one is not calibrated.
    """
    drifts = check_drift(recording.cameras, seen_points(recording, sources))
    if not any(each.is_told for each in drifts):
        most = max(each.points for each in drifts)
        raise CalibrationError(
            f"{recording.folder}: whether cameras have moved can not be told: at most {most} "
            "points of a camera are seen by two others as well; label more"
        )
    return drifts


UNLIKE = (
    "no repair helps where no place of a camera explains its points: is it another camera, are its "
    "images of another size or mirrored, or of other times than those of the others?"
)


def drift_in_words(drift: CameraDrift) -> str:
    """Say of one camera whether it has moved, and by what that is told."""
    if not drift.is_told:
        return f"shares {drift.points} points with two others, too few to tell"
    if not drift.is_like:
        return (
            f"NO PLACE of the camera EXPLAINS its points ({drift.median_px:.1f} px off at "
            f"{drift.points} points)"
        )
    x, y = drift.shift_px
    says = f"HAS MOVED, by {x:+.1f}, {y:+.1f} px" if drift.moved else "has not moved"
    if drift.is_far:
        says += ", so far that it may be another camera, or its images of another size"
    return f"{says} ({drift.median_px:.1f} px off at {drift.points} points)"


def drifts_in_a_line(drifts: Sequence[CameraDrift]) -> str:
    """Say of a recording only what is of note: cameras that have moved, or are not told."""
    notes = [
        f"{each.name} {drift_in_words(each)}"
        for each in drifts
        if each.moved or not (each.is_told and each.is_like)
    ]
    return "; ".join(notes) or f"none of {len(drifts)} cameras has moved"
