"""Rendered scenes with known truth: rats in an arena, seen by a ring of cameras."""

from napari_sdannce.synthetic.rig import camera_ring

__all__ = ["camera_ring"]
