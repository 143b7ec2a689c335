"""Which COM trace belongs to a recording when nothing else is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.project_file import relative_path

from .com_store import ComStore
from .opening import read_com_trace

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
    the most frames done: a network that learned anew replaces the one before, a quick look does
    not, nor does one that is under way.

    Raises
    ------
    ValueError
        When there is none, or several.
    """
    return com_candidates(recording)[0]


def com_candidates(recording: Recording) -> list[Path]:
    """COM traces that a recording could mean, the one of `find_com` first.

    Raises
    ------
    ValueError
        As `find_com`.
    """
    predicted = _predicted(default_com_folder(recording))
    if predicted:
        rank = {folder: (_n_done(folder), _number(folder)) for folder in predicted}
        return sorted(predicted, key=rank.__getitem__, reverse=True)
    if len(recording.com_files) == 1:
        return [recording.com_files[0]]
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


def _n_done(folder: Path) -> int:
    """Moments that are predicted in a folder; 0 where nothing can be read."""
    try:
        if not (folder / _STORE).exists():
            return len(read_com_trace(folder).sample_ids)
        store = ComStore.open(folder / _STORE)
        return len(store) - sum(map(len, store.missing_chunks()))
    except (OSError, FileFormatError):
        return 0
