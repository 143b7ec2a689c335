"""Panels and layers: the only room that knows napari and Qt."""
