"""What is watched while a recording runs: disk, temperature, cameras that keep silent."""

from __future__ import annotations

import math
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.capture.recorder.counts import CameraCounts
    from napari_sdannce.capture.recorder.events import EventLog
    from napari_sdannce.capture.recorder.rig import RigCamera

HOT_C = 75.0
"""Cameras are troubled by more: noise, and, some degrees on, they switch themselves off."""
SILENT_S = 5.0
"""A camera of which nothing came for a period and so long is told of."""
SOON_FULL_S = 600.0
"""A disk that will be full in less time is told of."""
_HEALTH_S = 5.0
_SETTLED_S = 1.0
"""How long it takes until it is seen how fast videos grow."""
_GB = 1e9


def gb(n_bytes: float) -> str:
    """A size in GB, with two digits at least."""
    return f"{n_bytes / _GB:.{1 if n_bytes >= _GB else 3}f}"


class DiskGuard:
    """Watches the room on the disk.

    Parameters
    ----------
    folder
        On that disk.
    keep_free_gb
        Room that is to be left.
    events
        Where trouble is noted.
    """

    def __init__(self, folder: Path, keep_free_gb: float, events: EventLog) -> None:
        self._folder = folder
        self._keep_free = keep_free_gb * _GB
        self._events = events
        self._is_told = False
        self._began_s = time.monotonic()
        self.bytes_per_second = 0.0
        self.free_bytes = shutil.disk_usage(folder).free

    @property
    def usable_bytes(self) -> float:
        """Room that the recording may still take."""
        return max(0.0, self.free_bytes - self._keep_free)

    def look(self, n_bytes: int) -> str:
        """Look at the disk, with the size of all videos so far; why to stop, empty: go on."""
        try:
            self.free_bytes = shutil.disk_usage(self._folder).free
        except OSError as error:
            return f"the disk does not answer: {error}"
        if not n_bytes:
            self._began_s = time.monotonic()
        self.bytes_per_second = n_bytes / max(_SETTLED_S, time.monotonic() - self._began_s)
        if self.free_bytes < self._keep_free:
            return (
                f"the disk has only {gb(self.free_bytes)} GB left "
                f"(keep_free_gb {self._keep_free / _GB:g})"
            )
        self._foresee()
        return ""

    def _foresee(self) -> None:
        """Tell once when the disk will soon be full."""
        if self._is_told or time.monotonic() - self._began_s < _SETTLED_S:
            return
        left_s = self.usable_bytes / self.bytes_per_second if self.bytes_per_second else SOON_FULL_S
        if left_s < SOON_FULL_S:
            self._is_told = True
            minutes = math.ceil(left_s / 60)
            told = (
                f"the disk will be full in less than {minutes} minute{'s' if minutes > 1 else ''}"
            )
            self._events.trouble_with("", told)


class HealthGuard:
    """Watches the cameras: how warm they are, and whether frames come.

    Parameters
    ----------
    cameras
        To be watched.
    events
        Where trouble is noted.
    fps
        Frames a second.
    waits_for_pulses
        Whether pulses come from elsewhere; that none come is told of then, too.
    """

    def __init__(
        self,
        cameras: Sequence[RigCamera],
        events: EventLog,
        fps: float,
        *,
        waits_for_pulses: bool = False,
    ) -> None:
        self.temperatures: dict[str, float | None] = {}
        self._silent_s = SILENT_S + 1 / fps
        self._cameras = cameras
        self._events = events
        self._waits_for_pulses = waits_for_pulses
        self._hot: set[str] = set()
        self._silent: set[str] = set()
        self._grabbed: dict[str, tuple[int, float]] = {}
        self._asked_s = -_HEALTH_S

    def look(self, counts: Sequence[CameraCounts], running: Sequence[str]) -> None:
        """Look at the cameras of which frames are to come, by name."""
        now = time.monotonic()
        if now - self._asked_s >= _HEALTH_S:
            self._asked_s = now
            for camera in self._cameras:
                if camera.name in running:
                    self._feel(camera)
        for each in counts:
            if each.name in running:
                self._listen(each, now)

    def _feel(self, camera: RigCamera) -> None:
        warm = camera.health().temperature_c
        self.temperatures[camera.name] = warm
        if warm is not None and warm > HOT_C and camera.name not in self._hot:
            self._hot.add(camera.name)
            self._events.trouble_with(camera.name, f"it is {warm:.0f} °C hot")

    def _listen(self, counts: CameraCounts, now: float) -> None:
        before, since = self._grabbed.get(counts.name, (-1, now))
        if counts.grabbed != before:
            self._grabbed[counts.name] = (counts.grabbed, now)
            if counts.name in self._silent:
                self._silent.discard(counts.name)
                self._events.note("frames come again", counts.name)
        elif now - since >= self._silent_s and counts.name not in self._silent:
            self._silent.add(counts.name)
            why = " (it waits for pulses at its line)" if self._waits_for_pulses else ""
            self._events.trouble_with(counts.name, f"no frame for {now - since:.0f} s{why}")
