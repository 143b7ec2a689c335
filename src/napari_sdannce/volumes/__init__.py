"""Voxel volumes round an animal, filled from the views."""
