"""From several cameras to 3D poses of interacting animals, in napari and in scripts.

Names are loaded when they are first used, so importing the package imports neither napari nor
torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sdannce.files import open_labels, open_recording
    from napari_sdannce.labels import Labels
    from napari_sdannce.poses import Poses
    from napari_sdannce.predictions import open_predictions
    from napari_sdannce.recording import Recording
    from napari_sdannce.skeletons import Skeleton, load_skeleton
    from napari_sdannce.widgets import add_labels, add_poses, add_recording

__version__ = version("napari-sdannce")

_HOME = {
    "Labels": "labels",
    "Poses": "poses",
    "Recording": "recording",
    "Skeleton": "skeletons",
    "add_labels": "widgets",
    "add_poses": "widgets",
    "add_recording": "widgets",
    "load_skeleton": "skeletons",
    "open_labels": "files",
    "open_predictions": "predictions",
    "open_recording": "files",
}

__all__ = [
    "Labels",
    "Poses",
    "Recording",
    "Skeleton",
    "add_labels",
    "add_poses",
    "add_recording",
    "load_skeleton",
    "open_labels",
    "open_predictions",
    "open_recording",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing == __name__:
            raise
        raise ModuleNotFoundError(
            f"{__name__}.{name} needs {missing}, which is not installed: "
            'pip install "napari-sdannce[all]"',
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
