"""What napari calls to open files: recordings, and labels or predictions over their recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_sdannce.widgets.layer_data import LayerData

NOTHING_TO_ADD = [(None,)]
"""What napari takes for "read, but no layers to add"."""


def reader_of(path: str | Sequence[str]) -> Callable[[Any], list[Any]] | None:
    """Give the reader of a path; None when there is nothing there, or several paths at once."""
    paths = [path] if isinstance(path, str | Path) else list(path)
    if len(paths) != 1 or not Path(paths[0]).exists():
        return None
    return read_layers


def read_layers(path: str | Sequence[str]) -> list[Any]:
    """Read a recording as layers, one lazy image layer a camera; no frame is read here.

    In a viewer the layers are put in a grid, the panel "Recording" opens beside them, and what
    `path` holds besides (labels, predictions, COMs) is drawn over the cameras. When their recording
    is on screen already, they are drawn over that and nothing is added.

    Parameters
    ----------
    path
        An experiment folder, a video, a label file, a prediction store or file, or a COM file.

    Raises
    ------
    ValueError
        When it cannot be opened, in one sentence.
    """
    from napari_sdannce.widgets.adopting import draw_over_shown, when_inserted
    from napari_sdannce.widgets.opening import Failed, FoundFile, kind_of, open_shown

    place = Path(path if isinstance(path, str | Path) else path[0]).absolute()
    kind = kind_of(place)
    found = None if kind is None else FoundFile(place, kind)
    if found is not None and draw_over_shown(found):
        return NOTHING_TO_ADD
    opened = open_shown(place if found is None else recording_of(found))
    if isinstance(opened, Failed):
        raise ValueError(opened.message)
    when_inserted(opened, found)
    return opened.images


def recording_of(found: Any) -> Path:
    """Where the recording of labels or predictions lies: the file itself, or a folder above it.

    Raises
    ------
    ValueError
        When no folder above it is a recording that it lies in.
    """
    from napari_sdannce.files import FileFormatError, open_recording
    from napari_sdannce.widgets.opening import Kind, found_files

    path: Path = found.path
    if found.kind is Kind.LABELS:
        return path
    for folder in list(path.parents)[:4]:
        try:
            recording = open_recording(folder)
        except FileFormatError:
            continue
        if found in found_files(recording):
            return folder
    raise ValueError(
        f"{path} is not inside a recording; open its recording first, then open this again"
    )


def two_rats() -> list[LayerData]:
    """Sample data: a synthetic recording of two rats by six cameras, with labels."""
    from napari_sdannce.demo_data import own_sample

    return read_layers(str(own_sample()))
