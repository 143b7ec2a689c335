"""Which COM trace belongs to a recording when nothing else is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.files.project_file import relative_path

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.recording import Recording


def default_com_folder(recording: Recording) -> Path:
    """Where a COM prediction of a recording goes when nothing else is said."""
    return recording.folder / "COM" / "predict"


def find_com(recording: Recording) -> Path:
    """COM trace of a recording: what was predicted here, else the only COM file there is.

    Raises
    ------
    ValueError
        When there is none, or several.
    """
    predicted = default_com_folder(recording)
    if predicted.is_dir():
        return predicted
    if len(recording.com_files) == 1:
        return recording.com_files[0]
    if recording.com_files:
        names = ", ".join(relative_path(recording.folder, path) for path in recording.com_files)
        raise ValueError(f"{recording.folder}: several COM files ({names}); choose with 'com'")
    raise ValueError(
        f"{recording.folder}: no COM trace; predict it first (sdannce predict com), or name one "
        "with 'com'"
    )
