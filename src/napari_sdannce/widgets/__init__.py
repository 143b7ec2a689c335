"""Panels and layers: the only room that knows napari and Qt."""

from napari_sdannce.widgets.add_layers import add_labels, add_poses, add_recording

__all__ = ["add_labels", "add_poses", "add_recording"]
