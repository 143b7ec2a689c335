"""Skeletons in MATLAB files, as Label3D keeps them: ``joint_names``, ``joints_idx``, ``color``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.skeletons import (
    Skeleton,
    builtin_skeletons,
    load_skeleton,
    pairs_by_name,
    read_skeleton_yaml,
)

from .guess_skeleton import numbered_skeleton, split_animals
from .mat import read_mat, write_mat
from .mat_fields import field, floats, int_vector, is_empty, numbers, reading, struct, texts
from .mat_values import MatValue, cell_row

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from napari_sdannce.skeletons import RGBA

EXPECTED = "a skeleton with 'joint_names', 'joints_idx' and 'color'"
_MAX_KEYPOINTS = 10_000


def open_skeleton(name_or_path: str | os.PathLike[str]) -> Skeleton:
    """Open a skeleton: a ``.yaml`` or ``.mat`` file, or a built-in by its name.

    ``rat23``, ``rat23.mat`` and ``skeletons/rat23.mat`` name the built-in when no such file exists.

    Raises
    ------
    FileNotFoundError
        When neither a file nor a built-in of that name exists.
    FileFormatError
        When the file is not a skeleton.
    """
    path = Path(name_or_path)
    if not path.is_file():
        return load_skeleton(path)
    if path.suffix.lower() == ".mat":
        return read_skeleton_mat(path)
    with reading(path, "a skeleton (.yaml or .mat)"):
        return read_skeleton_yaml(path)


def read_skeleton_mat(path: str | os.PathLike[str]) -> Skeleton:
    """Read a skeleton from a ``.mat`` file: one of its own, or a Label3D state that holds one.

    Names kept as MATLAB string objects cannot be read: a lone keypoint becomes ``COM``, several
    become ``kp1``, ``kp2``, ... (or the built-in of the file's name with as many keypoints).

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not a skeleton.
    """
    found = read_mat(path)
    with reading(found.path, EXPECTED):
        variables = found.variables
        if "skeleton" in variables:
            variables = struct(variables["skeleton"], "skeleton")
        return skeleton_from_struct(variables, found.path.stem)


def skeleton_inside(variables: Mapping[str, MatValue], name: str) -> tuple[int, Skeleton] | None:
    """Tell what a label file says of its skeleton, in the variable ``skeleton``.

    Returns
    -------
    The number of animals and the skeleton of one, called `name` when it has no name of its own;
    None when the file says nothing.

    Raises
    ------
    ValueError
        When it makes no skeleton.
    """
    if "skeleton" not in variables:
        return None
    fields = struct(variables["skeleton"], "skeleton")
    return split_animals(skeleton_from_struct(fields, name))


def skeleton_from_struct(fields: Mapping[str, MatValue], name: str) -> Skeleton:
    """Make a skeleton of the fields of Label3D.

    It is called as the file says, else like the built-in it equals, else `name`.

    Raises
    ------
    ValueError
        When they do not make a skeleton.
    """
    edges = _edges(fields)
    names = _names(fields, edges, name)
    colors = _colors(fields, len(edges))
    kept = fields.get("name")
    known = _builtin_of(names)
    if known is not None and known.edges == edges:
        name = known.name
    return Skeleton(
        name=kept if isinstance(kept, str) and kept else name,
        keypoints=names,
        edges=edges,
        colors=colors,
        pairs=pairs_by_name(names) if known is None else known.pairs,
    )


def _builtin_of(names: tuple[str, ...]) -> Skeleton | None:
    """Built-in skeleton with these keypoints: it knows its left/right pairs, and has a name."""
    builtin = map(load_skeleton, builtin_skeletons())
    return next((each for each in builtin if each.keypoints == names), None)


def _edges(fields: Mapping[str, MatValue]) -> tuple[tuple[int, int], ...]:
    value = fields.get("joints_idx")
    if value is None or is_empty(value):
        return ()
    found = numbers(value, "joints_idx")
    if found.size == 2:
        found = found.reshape(1, 2)
    if found.ndim == 2 and found.shape[1] != 2 and found.shape[0] == 2:
        found = found.T
    if found.ndim != 2 or found.shape[1] != 2:
        raise ValueError(f"'joints_idx' has the shape {found.shape}, not (edges, 2)")
    indices = np.stack([int_vector(column, "joints_idx") for column in found.T], axis=1) - 1
    if indices.size and (indices.min() < 0 or indices.max() >= _MAX_KEYPOINTS):
        raise ValueError(
            f"'joints_idx' runs from {indices.min() + 1} to {indices.max() + 1}; it counts from 1"
        )
    return tuple((int(a), int(b)) for a, b in indices)


def _names(
    fields: Mapping[str, MatValue], edges: tuple[tuple[int, int], ...], name: str
) -> tuple[str, ...]:
    value = field(fields, "joint_names") if not edges else fields.get("joint_names")
    lost = value is None or _holds_no_text(value)
    if not lost:
        return tuple(texts(value, "joint_names"))
    count = np.asarray(value, dtype=object).size if value is not None else 0
    count = max([count, *(1 + max(edge) for edge in edges)])
    if count == 1:
        return ("COM",)
    if name in builtin_skeletons():
        builtin = load_skeleton(name)
        if len(builtin.keypoints) == count:
            return builtin.keypoints
    return numbered_skeleton(count).keypoints


def _holds_no_text(value: MatValue) -> bool:
    """Whether the names were MATLAB objects, of which nothing is left."""
    if isinstance(value, np.ndarray) and value.dtype == object and value.size:
        return all(is_empty(item) for item in value.flat)
    return is_empty(value)


def _colors(fields: Mapping[str, MatValue], n_edges: int) -> tuple[RGBA, ...]:
    value = fields.get("color")
    if value is None or is_empty(value) or not n_edges:
        return ()
    found = floats(value, "color")
    if found.ndim == 2 and found.shape[1] not in (3, 4) and found.shape[0] in (3, 4):
        found = found.T
    if found.ndim != 2 or found.shape[1] not in (3, 4):
        raise ValueError(f"'color' has the shape {found.shape}, not (edges, 3) or (edges, 4)")
    if len(found) != n_edges:
        raise ValueError(f"'color' has {len(found)} rows for {n_edges} edges")
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError("'color' holds values outside 0 to 1")
    opaque = np.ones((len(found), 1))
    rgba = np.concatenate([found, opaque], axis=1)[:, :4]
    return tuple((float(r), float(g), float(b), float(a)) for r, g, b, a in rgba)


def skeleton_to_struct(skeleton: Skeleton, n_animals: int = 1) -> dict[str, MatValue]:
    """Fields of a skeleton as Label3D keeps them: row of names, edges counted from 1, RGBA.

    For several animals its keypoints are repeated as ``name_1 ... name_n``, animal by animal.
    """
    colors = skeleton.colors or ((0.7, 0.7, 0.7, 1.0),) * len(skeleton.edges)
    count = len(skeleton.keypoints)
    edges = np.array(skeleton.edges, dtype=np.int64).reshape(-1, 2) + 1
    edges = np.concatenate([edges + animal * count for animal in range(n_animals)])
    names = list(skeleton.keypoints)
    if n_animals > 1:
        names = [f"{name}_{animal + 1}" for animal in range(n_animals) for name in names]
    return {
        "color": np.tile(np.array(colors, dtype=np.float64).reshape(-1, 4), (n_animals, 1)),
        "joints_idx": edges.astype(np.uint8 if count * n_animals < 256 else np.float64),
        "joint_names": cell_row(names),
        "name": skeleton.name,
    }


def write_skeleton_mat(
    skeleton: Skeleton, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a skeleton as Label3D's ``.mat``.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    return write_mat(path, skeleton_to_struct(skeleton), overwrite=overwrite)
