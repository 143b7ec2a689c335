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
        raise FileExistsError(f"{path} exists and is not replaced; choose another name")


def check_goal(path: Path, *, overwrite: bool = False) -> None:
    """Check that a file can be put at `path`, before the work that it takes to make it.

    Raises
    ------
    FileExistsError
        When there is one and it may not be overwritten.
    FileNotFoundError
        When there is no folder to write it into.
    IsADirectoryError
        When it is a folder.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {path.parent} to write {path.name} into; make it first"
        )
    if not overwrite:
        check_free(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file")


@contextmanager
def naming(path: Path, *, within: Path | None = None) -> Iterator[None]:
    """Make errors of the system name what was to be written, where they name nothing.

    A full disk is such an error: it says that no space is left, but not where.

    Parameters
    ----------
    path
        The file or folder that is being written.
    within
        What lies at or below this is named by `path`, too: temporary files, parts of a store.
    """
    try:
        yield
    except OSError as error:
        named = error.filename
        hidden = named is None or (
            within is not None and within in (Path(named), *Path(named).parents)
        )
        if error.errno is None or not hidden:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes the place of `path` at the end.

    When the block raises, nothing is left behind and an older file stays as it was.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    FileNotFoundError
        When there is no folder to write it into.
    OSError
        When it cannot be written, as on a full disk; the error names `path`.
    """
    goal = Path(path)
    check_goal(goal, overwrite=overwrite)
    temporary = goal.with_name(f".{goal.stem}-{secrets.token_hex(4)}{goal.suffix}")
    try:
        with naming(goal, within=temporary):
            yield temporary
            os.replace(temporary, goal)  # noqa: PTH105 - replaces an existing file on every system
    finally:
        temporary.unlink(missing_ok=True)
