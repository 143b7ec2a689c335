"""Tables of how long bones are: mean and deviation of each, in an ``.npy`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FloatArray = npt.NDArray[np.float64]


def read_bone_table(
    path: Path, n_bones: int, reference: int | None = None, mask: Sequence[int] = ()
) -> FloatArray:
    """Read a table (M, 2) of mean and deviation of each bone, as it stands.

    Parameters
    ----------
    path
        ``.npy`` of (M, 2) numbers, mm, or ratios to a reference bone.
    n_bones
        M.
    reference
        Bone that counts even if it is masked; None: none.
    mask
        Bones that do not count; their rows may hold anything.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file holds something else, or of another number of bones.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no priors {path}; expected an .npy of ({n_bones}, 2) numbers")
    expected = f"an .npy of ({n_bones}, 2) numbers: mean and deviation of each bone"
    try:
        with path.open("rb") as file:
            table = np.load(file, allow_pickle=False)
    # a header may promise more than any memory holds
    except (ValueError, OSError, EOFError, BadZipFile, MemoryError) as error:
        raise ValueError(
            f"{path}: not readable as numbers ({error}), expected {expected}"
        ) from error
    if not isinstance(table, np.ndarray) or table.shape != (n_bones, 2):
        found = f"the shape {table.shape}" if isinstance(table, np.ndarray) else "several arrays"
        raise ValueError(f"{path}: has {found}, expected {expected}")
    if table.dtype.kind not in "fiu":
        raise ValueError(f"{path}: holds {table.dtype}, expected {expected}")
    numbers: FloatArray = table.astype(np.float64)
    counted = np.delete(numbers, [i for i in mask if i != reference], axis=0)
    if not np.isfinite(counted).all() or (counted[:, 0] <= 0).any() or (counted[:, 1] < 0).any():
        raise ValueError(f"{path}: lengths must be positive and finite, expected {expected}")
    return numbers
