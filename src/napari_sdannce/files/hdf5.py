"""Reading HDF5 files of other programs without believing what they claim."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from .errors import FileFormatError
from .hdf5_probe import probe_hdf5

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# deflate shrinks to a thousandth at best
_LARGEST_RATIO = 2000
_SMALL = 1_000_000
HDF5_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    NotImplementedError,
    SystemError,
)
"""What h5py makes of the errors of the HDF5 library."""


@contextmanager
def reading_hdf5(path: Path, expected: str) -> Iterator[h5py.File]:
    """Open an HDF5 file; whatever goes wrong in the block becomes the one error of the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no HDF5 file, damaged, or the block raises ValueError.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected {expected}")
    try:
        probe_hdf5(path)
        with h5py.File(path, "r") as file:
            yield file
    except FileFormatError:
        raise
    except (ValueError, OverflowError) as error:
        raise FileFormatError(path, str(error), expected) from error
    except MemoryError as error:
        raise FileFormatError(path, "it needs more memory than there is", expected) from error
    except HDF5_ERRORS as error:
        found = f"the HDF5 library cannot read it: {error}"
        raise FileFormatError(path, found, expected) from error


def dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset; ValueError when there is none of that name."""
    item = group.get(name)
    if not isinstance(item, h5py.Dataset):
        there = ", ".join(list(group)[:20]) or "nothing"
        raise ValueError(f"no '{name}' in it (there is {there})")
    return item


def values(item: h5py.Dataset) -> npt.NDArray[Any]:
    """Read a dataset whole; ValueError when it claims more than the file can hold."""
    size = item.file.id.get_filesize()
    needed = math.prod(item.shape or (0,)) * item.dtype.itemsize
    if needed > _LARGEST_RATIO * size + _SMALL:
        raise ValueError(f"'{item.name}' claims {needed} bytes in a file of {size}")
    if item.shape is None:
        return np.zeros(0)
    return np.asarray(item[()])


def numbers(item: h5py.Dataset) -> npt.NDArray[np.float64]:
    """Read a dataset of numbers; ValueError when it holds something else."""
    if item.dtype.kind not in "biuf":
        raise ValueError(f"'{item.name}' holds {item.dtype}, not numbers")
    return values(item).astype(np.float64)


def texts(item: h5py.Dataset) -> tuple[str, ...]:
    """Read a vector of texts; ValueError when it holds something else."""
    found = values(item).ravel()
    return tuple(text(each, str(item.name)) for each in found.tolist())


def text(value: object, what: str) -> str:
    """Return text of bytes or str; ValueError when it is neither."""
    if isinstance(value, bytes):
        try:
            return value.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"'{what}' holds text that is not UTF-8") from error
    if isinstance(value, str):
        return value
    raise ValueError(f"'{what}' holds {type(value).__name__}, not text")
