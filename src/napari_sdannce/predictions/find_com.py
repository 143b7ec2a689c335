"""Which COM trace belongs to a recording when nothing else is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.project_file import relative_path

from .com_store import ComStore

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.recording import Recording

_STORE = "com.zarr"


def default_com_folder(recording: Recording) -> Path:
    """Where a COM prediction of a recording goes when nothing else is said."""
    return recording.folder / "COM" / "predict"


def find_com(recording: Recording) -> Path:
    """COM trace of a recording: what was predicted here, else the only COM file there is.

    Of several predictions (``COM/predict``, ``COM/predict-2`` ...) it is the last of those with
    the most frames: a network that learned anew replaces the one before, a quick look does not.

    Raises
    ------
    ValueError
        When there is none, or several.
    """
    predicted = _predicted(default_com_folder(recording))
    if predicted:
        return max(predicted, key=lambda folder: (_n_moments(folder / _STORE), _number(folder)))
    if len(recording.com_files) == 1:
        return recording.com_files[0]
    if recording.com_files:
        names = ", ".join(relative_path(recording.folder, path) for path in recording.com_files)
        raise ValueError(f"{recording.folder}: several COM files ({names}); choose with 'com'")
    raise ValueError(
        f"{recording.folder}: no COM trace; predict it first (sdannce predict com), or name one "
        "with 'com'"
    )


def _predicted(first: Path) -> list[Path]:
    """The folders ``predict``, ``predict-2`` ... that are there."""
    named = [first, *first.parent.glob(f"{first.name}-*")]
    return [folder for folder in named if folder.is_dir() and _number(folder)]


def _number(folder: Path) -> int:
    """That of ``predict-2``, 1 of ``predict``; 0 of another name."""
    found = re.fullmatch(r"[^-]+(?:-([1-9]\d*))?", folder.name)
    return int(found[1] or 1) if found else 0


def _n_moments(store: Path) -> int:
    """Moments of a store; 0 where there is none that can be read."""
    try:
        return len(ComStore.open(store))
    except (FileNotFoundError, FileFormatError):
        return 0
