"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_free(path: Path) -> None:
    """Raise FileExistsError when there is something at `path`."""
    if path.exists():
        raise FileExistsError(f"{path} exists; it is only replaced when told so (overwrite=True)")


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes the place of `path` at the end.

    When the block raises, nothing is left behind and an older file stays as it was.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    goal = Path(path)
    if not overwrite:
        check_free(goal)
    temporary = goal.with_name(f".{goal.stem}-{secrets.token_hex(4)}{goal.suffix}")
    try:
        yield temporary
        os.replace(temporary, goal)  # noqa: PTH105 - replaces an existing file on every system
    finally:
        temporary.unlink(missing_ok=True)
