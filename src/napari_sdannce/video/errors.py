"""The one error of this room."""

from __future__ import annotations

from pathlib import Path


class VideoError(ValueError):
    """A video, or some of its frames, cannot be used; the message says which file and why.

    Attributes
    ----------
    path
        The file.
    message
        What was found and what was expected.
    """

    def __init__(self, path: str | Path, message: str) -> None:
        self.path = Path(path)
        self.message = message
        super().__init__(path, message)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
