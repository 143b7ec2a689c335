"""Rendered scenes with known truth: rats in an arena, seen by a ring of cameras."""

from napari_sdannce.synthetic.arena import Arena
from napari_sdannce.synthetic.coat import Coat
from napari_sdannce.synthetic.motion import Motion, rat_motion
from napari_sdannce.synthetic.render import Frame, render_frame, render_scene, visibility
from napari_sdannce.synthetic.rig import camera_ring
from napari_sdannce.synthetic.scene import Scene, random_scene, two_rats
from napari_sdannce.synthetic.write import write_recording

__all__ = [
    "Arena",
    "Coat",
    "Frame",
    "Motion",
    "Scene",
    "camera_ring",
    "random_scene",
    "rat_motion",
    "render_frame",
    "render_scene",
    "two_rats",
    "visibility",
    "write_recording",
]
