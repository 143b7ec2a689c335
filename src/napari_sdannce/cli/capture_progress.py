"""How a recording that runs is told at a terminal."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from napari_sdannce.capture.recorder.words import event_line, status_line

if TYPE_CHECKING:
    from napari_sdannce.capture.recorder.counts import RecorderStatus
    from napari_sdannce.capture.recorder.events import Event

_QUIET_S = 10.0


class Silence:
    """Tells nothing."""

    def tell(self, status: RecorderStatus) -> None:
        """Tell how it goes."""

    def finishing(self) -> None:
        """Tell that it was stopped."""

    def done(self, status: RecorderStatus) -> None:
        """Tell how it went."""


class Line(Silence):
    """One line that changes, at a terminal; else one every ten seconds. Events as they happen."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._told: Event | None = None
        self._quiet_until = 0.0

    def tell(self, status: RecorderStatus) -> None:
        """Tell how it goes."""
        self._tell_events(status)
        if self._is_terminal:
            click.echo(f"\r\x1b[K{status_line(status)}", err=True, nl=False)
        elif time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET_S
            click.echo(status_line(status), err=True)

    def finishing(self) -> None:
        """Tell that it was stopped."""
        self._clear()
        click.echo("stopping: the last frames are encoded, and files are finished ...", err=True)

    def done(self, status: RecorderStatus) -> None:
        """Tell what happened last."""
        self._tell_events(status)
        self._clear()

    def _tell_events(self, status: RecorderStatus) -> None:
        new = list(status.events)
        if self._told in new:
            new = new[new.index(self._told) + 1 :]
        for event in new:
            self._clear()
            click.echo(event_line(event), err=True)
        self._told = status.events[-1] if status.events else None

    def _clear(self) -> None:
        if self._is_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


class Json(Silence):
    """One JSON object a line, twice a second."""

    def tell(self, status: RecorderStatus) -> None:
        """Tell how it goes."""
        cameras = [
            {
                "name": each.name,
                "state": each.state,
                "grabbed": each.grabbed,
                "encoded": each.encoded,
                "dropped": each.dropped,
                "failed": each.failed,
                "unwritten": each.unwritten,
                "lost": each.lost,
                "late": each.late,
                "fps": round(each.fps, 3),
                "queue": round(each.fill, 4),
            }
            for each in status.cameras
        ]
        told = {
            "state": status.state,
            "seconds": round(status.seconds, 3),
            "bytes_per_second": round(status.bytes_per_second),
            "free_bytes": status.free_bytes,
            "ended_by": status.ended_by,
            "cameras": cameras,
        }
        click.echo(json.dumps(told))

    def done(self, status: RecorderStatus) -> None:
        """Tell how it went."""
        self.tell(status)
