"""Finishing a recording: what is derived from its videos and frame records.

It takes nothing but what lies in the folder, so that a recording whose program was killed is
finished in the same way.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraInfo, Format
from napari_sdannce.capture.campy_files import metadata_of, times_in_video, write_campy_files
from napari_sdannce.capture.clock import fit_clock
from napari_sdannce.capture.frame_records import FrameStatus
from napari_sdannce.capture.recorder.checks import check, checks_of
from napari_sdannce.capture.recorder.events import EVENTS_FILE, KEPT
from napari_sdannce.capture.recorder.reserve import RESERVE_FILE
from napari_sdannce.capture.recording_file import (
    CameraEntry,
    ClockEntry,
    EventEntry,
    SyncEntry,
    read_recording_file,
    write_recording_file,
)
from napari_sdannce.capture.recording_folder import (
    camera_folder,
    read_camera_records,
    readable_records,
    write_sync,
)
from napari_sdannce.capture.sync_table import SyncRules

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.capture.frame_records import FrameRecords
    from napari_sdannce.capture.recorder.counts import CameraCounts
    from napari_sdannce.capture.recorder.events import Event
    from napari_sdannce.capture.recording_file import RecordingFile
    from napari_sdannce.settings.capture import CaptureSettings

INTERRUPTED = "the program that recorded was killed, or the power failed"


@dataclass(frozen=True, slots=True)
class End:
    """How a recording ended, as only the recorder knows.

    Parameters
    ----------
    ended
        When.
    reason
        Why, in words.
    pulses
        Exposures that were started, where that is known.
    counts
        Frames of the cameras as they were counted.
    events
        What happened.
    """

    ended: datetime
    reason: str
    pulses: int | None = None
    counts: tuple[CameraCounts, ...] = ()
    events: tuple[Event, ...] = ()


def finish_recording(folder: Path, end: End | None = None) -> RecordingFile:
    """Write sync, Campy's files and the end into ``recording.yaml``.

    One that was finished before stays as it is.

    Parameters
    ----------
    folder
        Of the recording.
    end
        How it ended; None: the program that recorded it was killed.

    Raises
    ------
    FileNotFoundError
        When there is no recording.
    FileFormatError
        When one of its files is damaged.
    OSError
        When the disk is full.
    """
    recording = read_recording_file(folder)
    if recording.is_finished:
        return recording
    (folder / RESERVE_FILE).unlink(missing_ok=True)
    settings = recording.settings
    names = [camera.name for camera in recording.cameras]
    records = {name: read_camera_records(folder, name) for name in names}
    in_video = {name: readable_records(folder, name) for name in names}
    for camera in recording.cameras:
        _write_campy(folder, settings, camera, in_video[camera.name])
    rules = SyncRules(settings.fps, settings.trigger, pulses=None if end is None else end.pulses)
    report = write_sync(folder, names, rules)
    counts = {} if end is None else {each.name: each for each in end.counts}
    checks = [
        each
        for name in names
        for each in checks_of(name, records[name], in_video[name], settings.fps, counts.get(name))
    ]
    changes = {
        "cameras": tuple(_with_frames(each, records[each.name]) for each in recording.cameras),
        "checks": (*checks, check("sync", not report.problems, "; ".join(report.problems))),
        "sync": SyncEntry.of(report),
    }
    changes |= _how_it_ended(folder, recording, records, end)
    finished = recording.model_copy(update=changes)
    write_recording_file(folder, finished, overwrite=True)
    return finished


def _how_it_ended(
    folder: Path, recording: RecordingFile, records: dict[str, FrameRecords], end: End | None
) -> dict[str, object]:
    if end is not None:
        events = tuple(map(_event_entry, end.events))
        return {"ended": end.ended, "ended_by": end.reason, "events": events}
    return {
        "ended": _last_utc(records, recording.began),
        "ended_by": INTERRUPTED,
        "events": _noted_events(folder / EVENTS_FILE),
    }


def _write_campy(
    folder: Path, settings: CaptureSettings, camera: CameraEntry, records: FrameRecords
) -> None:
    wanted = next(each for each in settings.cameras if each.name == camera.name)
    info = CameraInfo(camera.back_end, camera.serial, camera.model)
    shown = camera.format
    format_ = Format(shown.width, shown.height, shown.layout, shown.fps) if shown else None
    metadata = metadata_of(settings, wanted, info, format_, camera.codec) if format_ else ()
    write_campy_files(
        camera_folder(folder, camera.name), times_in_video(records), metadata, overwrite=True
    )


def _with_frames(camera: CameraEntry, records: FrameRecords) -> CameraEntry:
    frames = {str(status): records.count(status) for status in FrameStatus}
    clock = ClockEntry.of(fit_clock(records.camera_ns, records.host_ns))
    there = {name: count for name, count in frames.items() if count}
    return camera.model_copy(update={"frames": there, "clock": clock})


def _noted_events(path: Path) -> tuple[EventEntry, ...]:
    """The last events of a recording that was killed, as far as its file tells."""
    found: list[EventEntry] = []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                found += _noted_event(row)
    except (OSError, ValueError, csv.Error):
        pass  # those before the damage stay
    return tuple(found[-KEPT:])


def _noted_event(row: dict[str, str]) -> list[EventEntry]:
    """The event of a row; none when the row is damaged."""
    try:
        frame = int(row["frame"]) if row["frame"] else None
        utc = datetime.fromisoformat(row["utc"])
        entry = EventEntry(utc=utc, what=row["what"], camera=row["camera"], frame=frame)
    except (ValueError, KeyError, TypeError):
        return []
    return [entry] if entry.what else []


def _event_entry(event: Event) -> EventEntry:
    return EventEntry(utc=event.utc, what=event.what, camera=event.camera, frame=event.frame)


def _last_utc(records: dict[str, FrameRecords], began: datetime) -> datetime:
    """When the last frame came."""
    last = max((int(each.utc_ns[-1]) for each in records.values() if len(each)), default=None)
    return began if last is None else datetime.fromtimestamp(last / 1e9, UTC)
