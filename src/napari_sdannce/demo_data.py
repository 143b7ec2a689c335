"""The bundled sample recording and the demo that runs on it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def sample_folder() -> Path:
    """Folder of the sample recording: two rats, six cameras.

    Raises
    ------
    FileNotFoundError
        When the sample did not come with this installation.
    """
    folder = Path(str(files("napari_sdannce"))) / "sample_data" / "two_rats"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the sample recording is not in this installation (looked for {folder})"
        )
    return folder
