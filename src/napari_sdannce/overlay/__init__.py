"""Keypoints, bones and centres of mass drawn over the videos, without napari and Qt."""
