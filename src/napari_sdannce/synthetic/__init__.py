"""Rendered scenes with known truth: rats in an arena, seen by a ring of cameras."""

from napari_sdannce.synthetic.motion import Motion, rat_motion
from napari_sdannce.synthetic.rig import camera_ring

__all__ = ["Motion", "camera_ring", "rat_motion"]
