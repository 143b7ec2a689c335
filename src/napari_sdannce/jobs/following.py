"""Reading the events of a job while it writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from napari_sdannce.settings.events import Event

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_LINE = 1 << 16


def read_event(line: bytes | str) -> Event | None:
    """The event in a line; None when it is none of those this version knows."""
    known = {kind.model_fields["event"].default: kind for kind in Event.__subclasses__()}
    try:
        content = json.loads(line)
        kind = known.get(str(content.get("event"))) if isinstance(content, dict) else None
        return None if kind is None else kind.model_validate(content)
    except (ValueError, ValidationError, RecursionError):
        return None


class Following:
    """Reads what was added to a file of events since the last time.

    Parameters
    ----------
    path
        The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def new(self) -> list[Event]:
        """Events of the lines that were completed since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._offset += len(whole) + len(newline)
        return [event for line in whole.splitlines() if (event := read_event(line)) is not None]


def last_event(path: Path) -> Event | None:
    """The last event of a file; None when there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LONGEST_LINE))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    return next((event for line in reversed(lines) if (event := read_event(line))), None)
