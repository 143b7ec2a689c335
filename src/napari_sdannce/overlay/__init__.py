"""Keypoints, bones and centres of mass drawn over the videos, without napari and Qt."""

from napari_sdannce.overlay.marks import LabelMarks, PoseMarks
from napari_sdannce.overlay.picture import Overlay
from napari_sdannce.overlay.render import render, write_overlay_picture

__all__ = ["LabelMarks", "Overlay", "PoseMarks", "render", "write_overlay_picture"]
