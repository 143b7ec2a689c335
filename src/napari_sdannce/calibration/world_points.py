"""Measured points and where they were clicked: a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FloatArray = npt.NDArray[np.float64]

COLUMNS = ("camera", "point", "x", "y", "X", "Y", "Z")
_EXPECTED = f"a table with the columns {', '.join(COLUMNS)}: x, y in px from 0, X, Y, Z in mm"
_MAX_BYTES = 1_000_000


def write_world_points(
    path: Path, names: Sequence[str], labels: Sequence[str], pixels: FloatArray, points: FloatArray
) -> Path:
    """Write such a table, in place of an older one: N points in V cameras.

    Parameters
    ----------
    path
        The CSV file.
    names, labels
        Of the cameras, and of the points.
    pixels
        (V, N, 2) px, NaN where not clicked.
    points
        (N, 3) mm; those that are not known are left out.
    """
    known = np.isfinite(points).all(axis=-1)
    views, rows = np.nonzero(np.isfinite(pixels).all(axis=-1) & known)
    table = pd.DataFrame(
        [
            (names[view], labels[row], *pixels[view, row], *points[row])
            for view, row in zip(views.tolist(), rows.tolist(), strict=True)
        ],
        columns=list(COLUMNS),
    )
    with atomic_path(path, overwrite=True) as temporary:
        table.to_csv(temporary, index=False)
    return path


def read_world_points(
    path: Path, names: Sequence[str], *, some: bool = False
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Where measured points were clicked, and where they are.

    Parameters
    ----------
    path
        A CSV file, a row a click.
    names
        V cameras.
    some
        Whether these are some of the cameras only: clicks in others are passed over.

    Returns
    -------
    N names; (V, N, 2) px, NaN where not clicked; (N, 3) mm.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When it is not there, or no such table, or names other cameras.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise FileFormatError(path, f"it has {path.stat().st_size} bytes", _EXPECTED)
    try:
        table = pd.read_csv(path, dtype={"camera": str, "point": str})
        missing = [name for name in COLUMNS if name not in table]
        if missing:
            raise FileFormatError(path, f"it has no {', '.join(missing)}", _EXPECTED)
        numbers = table[["x", "y", "X", "Y", "Z"]].to_numpy(dtype=np.float64)
    except (ValueError, TypeError, pd.errors.ParserError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, f"it is no such table ({error})", _EXPECTED) from error
    nameless = table[["camera", "point"]].isna()
    if nameless.to_numpy().any():
        first = int(np.flatnonzero(nameless.any(axis=1))[0])
        what = "camera" if nameless["camera"].iloc[first] else "point"
        # the first row below the header is the second line
        raise FileFormatError(path, f"line {first + 2} names no {what}", _EXPECTED)
    unknown = sorted(set(table["camera"]) - set(names))
    if some and set(table["camera"]) & set(names):
        known = table["camera"].isin(names).to_numpy()
        table, numbers = table[known], numbers[known]
    elif unknown:
        found = f"it names {', '.join(unknown)}; there are {', '.join(names)}"
        raise FileFormatError(path, found, _EXPECTED)
    labels = list(dict.fromkeys(table["point"]))
    pixels = np.full((len(names), len(labels), 2), np.nan)
    points = np.full((len(labels), 3), np.nan)
    for camera, label, row in zip(table["camera"], table["point"], numbers, strict=True):
        i = labels.index(label)
        if np.isfinite(points[i]).all() and not np.allclose(points[i], row[2:]):
            raise FileFormatError(path, f"point '{label}' lies in two places", _EXPECTED)
        pixels[names.index(camera), i] = row[:2]
        points[i] = row[2:]
    return tuple(labels), pixels, points
