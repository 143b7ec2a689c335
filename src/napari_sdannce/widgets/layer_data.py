"""Layers of a recording as napari's layer-data tuples: what to add, before anything is added.

Both the scripted functions and the file readers use these, so both show the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.overlay.colors import ColorBy, bone_colors, keypoint_colors
from napari_sdannce.widgets.axes import to_napari

if TYPE_CHECKING:
    import dask.array
    import numpy.typing as npt

    from napari_sdannce.overlay.marks import Drawing, Marks

LayerData = tuple[Any, dict[str, Any], str]

METADATA_KEY = "napari-sdannce"
"""Where a layer's metadata says that it is ours, and of what."""


def image_layer_data(camera: str, frames: dask.array.Array) -> LayerData:
    """One camera's frames (T, H, W) or (T, H, W, 3); napari computes none of them at open."""
    return (
        frames,
        {
            "name": camera,
            "rgb": frames.ndim == 4,
            "contrast_limits": (0, 255),
            "axis_labels": ("frame", "y", "x"),
            "units": ("pixel", "pixel", "pixel"),
            "multiscale": False,
            "metadata": {METADATA_KEY: camera},
        },
        "image",
    )


def points_layer_data(camera: str, marks: Marks, by: ColorBy) -> LayerData:
    """Keypoints over a camera: one row a point kind, animal and keypoint, hidden until refilled."""
    colors = point_colors(marks, by)
    n_kinds, shape = len(marks.kinds), (len(marks.animals), len(marks.skeleton.keypoints))
    n = n_kinds * shape[0] * shape[1]
    animals = np.repeat(np.array(marks.animals, dtype=object), shape[1])
    keypoints = np.tile(np.array(marks.skeleton.keypoints, dtype=object), shape[0])
    kinds = np.repeat([kind.name for kind in marks.kinds], shape[0] * shape[1])
    return (
        np.tile(nowhere(), (n, 1)),
        {
            "name": f"{camera} {marks.name}",
            "shown": np.zeros(n, dtype=bool),
            "face_color": colors[0],
            "border_color": colors[1],
            "border_width": 0.25,
            "border_width_is_relative": True,
            "features": {
                "animal": np.tile(animals, n_kinds),
                "keypoint": np.tile(keypoints, n_kinds),
                "kind": kinds,
            },
            "axis_labels": ("y", "x"),
            "units": ("pixel", "pixel"),
        },
        "points",
    )


def bones_layer_data(camera: str, marks: Marks, by: ColorBy) -> LayerData:
    """Bones over a camera: one row an animal and bone, of no length until refilled."""
    colors = bone_colors(marks.skeleton, marks.palette, by).reshape(-1, 4)
    data = np.zeros((len(colors), 2, 2))
    return (
        data,
        {
            "name": f"{camera} {marks.name} bones",
            "vector_style": "line",
            "edge_color": colors,
            "axis_labels": ("y", "x"),
            "units": ("pixel", "pixel"),
        },
        "vectors",
    )


def point_colors(
    marks: Marks, by: ColorBy
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Face and border colours (G*A*K, 4): hollow kinds have a clear face and a coloured border."""
    colors = keypoint_colors(marks.skeleton, marks.palette, by).reshape(-1, 4)
    clear, dark = colors * (1, 1, 1, 0), np.tile((0.0, 0.0, 0.0, 1.0), (len(colors), 1))
    white = np.ones_like(colors)
    filled_border = white if len(marks.kinds) > 1 else dark
    faces = [clear if kind.hollow else colors for kind in marks.kinds]
    borders = [colors if kind.hollow else filled_border for kind in marks.kinds]
    return np.concatenate(faces), np.concatenate(borders)


def filled_points(
    drawing: Drawing, shown: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Rows of the points layer and which of them show.

    A hidden row waits in the first pixel: layers must hold no NaN, and their extent must not reach
    beyond the image.
    """
    points = drawing.points.reshape(-1, 2)
    visible = np.isfinite(points).all(axis=-1) & np.tile(shown.ravel(), len(drawing.points))
    return np.where(visible[:, None], to_napari(points), nowhere()), visible


def filled_bones(
    joints: npt.NDArray[np.float64],
    shown: npt.NDArray[np.bool_],
    bones: tuple[tuple[int, int], ...],
    hidden: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Rows (A*B, 2, D) of the bones layer: start and direction; no length where an end is hidden.

    Parameters
    ----------
    joints
        (A, K, D) px or mm.
    shown
        (A, K).
    bones
        B pairs of keypoint indices.
    hidden
        (D,) where hidden ones wait, in napari's order.
    """
    ends = np.array(bones, dtype=np.int64).reshape(-1, 2)
    placed = to_napari(np.where(shown[..., None], joints, np.nan))[:, ends]
    start, way = placed[:, :, 0], placed[:, :, 1] - placed[:, :, 0]
    vectors = np.stack([start, way], axis=2).reshape(-1, 2, joints.shape[-1])
    whole = np.asarray(np.isfinite(vectors).all(axis=(1, 2)))
    return np.where(whole[:, None, None], vectors, np.stack([hidden, np.zeros_like(hidden)]))


def nowhere() -> npt.NDArray[np.float64]:
    """Where hidden points of an image wait, (row, column)."""
    return np.zeros(2)
