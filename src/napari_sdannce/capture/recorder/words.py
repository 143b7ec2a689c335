"""A recording in words, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sdannce.capture.recorder.counts import RecorderStatus
    from napari_sdannce.capture.recorder.events import Event
    from napari_sdannce.capture.recorder.self_test import SelfTest
    from napari_sdannce.capture.recording_file import CameraEntry, RecordingFile, SyncEntry


def frames_of(status: RecorderStatus) -> str:
    """Frames in the videos, of each camera: all have as many, or some have fewer."""
    counts = [each.encoded for each in status.cameras]
    least, most = min(counts, default=0), max(counts, default=0)
    of_each = " of each camera" if len(counts) > 1 else ""
    return (
        f"{most:,} frames{of_each}" if least == most else f"{least:,} to {most:,} frames{of_each}"
    )


def status_line(status: RecorderStatus) -> str:
    """How a recording goes, in one line."""
    if not status.cameras:
        return status.state
    of = "" if status.of_seconds is None else f" of {duration(status.of_seconds)}"
    slowest = min(each.fps for each in status.cameras)
    parts = [
        f"{status.state} {duration(status.seconds)}{of}",
        f"{len(status.cameras)} camera{'s' * (len(status.cameras) != 1)}",
        f"{slowest:.1f} fps",
        frames_of(status),
        f"{sum(each.missing for each in status.cameras)} missing",
        f"queue {100 * max(each.fill for each in status.cameras):.0f} %",
        f"{status.bytes_per_second / 1e6:.1f} MB/s",
    ]
    if status.seconds_of_disk is not None:
        parts.append(f"disk lasts {duration(status.seconds_of_disk)}")
    return "  ".join(parts)


def event_line(event: Event) -> str:
    """An event, in one line."""
    clock = event.utc.astimezone().strftime("%H:%M:%S")
    camera = f"{event.camera}: " if event.camera else ""
    frame = f" (from frame {event.frame})" if event.frame is not None and event.camera else ""
    return f"{clock}  {camera}{event.what}{frame}"


def summary(recording: RecordingFile, folder: Path) -> Iterator[str]:
    """A recording that has ended, in some lines."""
    yield f"{folder}: {recording.ended_by}"
    width = max(len(camera.name) for camera in recording.cameras)
    for camera in recording.cameras:
        yield f"  {camera.name:<{width}}  {_frames(camera)}"
    if recording.sync is not None:
        yield from (f"  {line}" for line in sync_lines(recording.sync))
    for check in recording.checks:
        if not check.passed:
            yield f"  look: {check.name}: NO ({check.message})"


def sync_lines(sync: SyncEntry) -> Iterator[str]:
    """What a sync is like, in some lines."""
    yield (
        f"{sync.n_moments} moments in sync, {sync.n_incomplete} left out as some camera has no "
        f"frame; skew {sync.skew_ms:.2f} ms, {sync.most_skew_ms:.2f} ms at most"
    )
    if sync.n_skewed:
        yield f"moments left out as their frames lie too far apart: {sync.n_skewed}"
    if sync.n_filled:
        yield f"missing frames for which the nearest one stands: {sync.n_filled}"
    yield from sync.problems


def self_test_lines(found: SelfTest) -> Iterator[str]:
    """A self-test, in some lines."""
    width = max((len(verdict.name) for verdict in found.verdicts), default=0)
    for verdict in found.verdicts:
        yield f"{'ok ' if verdict.passed else 'BAD'}  {verdict.name:<{width}}  {verdict.words}"
    yield growth(found)


def growth(found: SelfTest) -> str:
    """How fast a recording grows, and how long the disk lasts."""
    rate = found.bytes_per_second
    told = f"{rate / 1e6:.1f} MB/s, {rate * 3.6e-6:.1f} GB/h"
    return (
        told
        if found.hours_of_disk is None
        else f"{told}; the disk lasts {found.hours_of_disk:.1f} h"
    )


def _frames(camera: CameraEntry) -> str:
    frames = dict(camera.frames)
    written = frames.pop("ok", 0) + frames.get("late", 0)
    late = frames.pop("late", 0)
    told = [f"{written} frames"] + [f"{count} {status}" for status, count in frames.items()]
    return ", ".join(told + ([f"{late} came late"] if late else []))


def duration(seconds: float) -> str:
    """Time in the unit that fits: 4.2 s, 3:05 min, 2:10 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    if whole < 48 * 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole / 86400:.0f} days"
