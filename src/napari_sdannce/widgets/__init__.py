"""Panels and layers: the only room that knows napari and Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sdannce.widgets.add_layers import add_labels, add_poses, add_recording

__all__ = ["add_labels", "add_poses", "add_recording"]


def __getattr__(name: str) -> Any:
    # some modules of this room serve without napari, so it is not imported here
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from napari_sdannce.widgets import add_layers

    return getattr(add_layers, name)
