"""Saying anew which frames of a recording belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from napari_sdannce.capture.recording_file import (
    SyncEntry,
    read_recording_file,
    write_recording_file,
)
from napari_sdannce.capture.recording_folder import write_sync
from napari_sdannce.capture.sync_table import SyncRules

if TYPE_CHECKING:
    from pathlib import Path


def resync(
    folder: Path,
    least_cameras: int | None = None,
    missing: Literal["mark", "nearest"] = "mark",
    most_skew_ms: float | None = None,
) -> SyncEntry:
    """Write ``sync.csv`` anew by these rules (see `SyncRules`), and note it in ``recording.yaml``.

    Raises
    ------
    ValueError
        When more cameras are wanted than there are.
    FileNotFoundError
        When there is no recording.
    FileFormatError
        When one of its files is damaged.
    """
    recording = read_recording_file(folder)
    settings = recording.settings
    there = len(recording.cameras)
    if least_cameras is not None and least_cameras > there:
        raise ValueError(f"least cameras {least_cameras}: the recording has only {there}")
    rules = SyncRules(settings.fps, settings.trigger, least_cameras, missing, most_skew_ms)
    entry = SyncEntry.of(write_sync(folder, [camera.name for camera in recording.cameras], rules))
    changed = recording.model_copy(update={"sync": entry})
    write_recording_file(folder, changed, overwrite=True)
    return entry
