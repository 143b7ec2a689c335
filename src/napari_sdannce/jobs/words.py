"""Events in words, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.settings.events import (
    CheckpointSaved,
    EpochDone,
    JobDone,
    JobFailed,
    JobStopped,
    Message,
)

if TYPE_CHECKING:
    from napari_sdannce.settings.events import Event


def in_words(event: Event) -> str:
    """One line for a person; empty for events that a bar shows."""
    if isinstance(event, Message):
        return f"warning: {event.text}" if event.level == "warning" else event.text
    if isinstance(event, EpochDone):
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in event.metrics.items())
        return f"epoch {event.epoch}/{event.total}  {numbers}"
    if isinstance(event, CheckpointSaved):
        return f"best so far: {event.path}"
    if isinstance(event, JobDone):
        return "\n".join([f"done in {duration(event.seconds)}", *event.outputs])
    if isinstance(event, JobStopped):
        return f"stopped; {event.text}"
    return f"failed: {event.text}" if isinstance(event, JobFailed) else ""


def remaining(seconds: float | None) -> str:
    """How long something still takes, in words."""
    return f"{duration(seconds)} left" if seconds else ""


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"
