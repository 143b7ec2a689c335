"""Touches everything in an HDF5 file, in a process of its own: run as a script by `hdf5_probe`.

Exit status: 0 when the process lives to the end, whatever the library said of the file;
`TOO_LARGE` when it asks for more memory than is allowed here. Imports nothing of the package, to
start fast.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_LARGE = 4
MEMORY = 2 * 2**30
PIECE = 256 * 2**20
MAX_REFERENCES = 1_000_000


def limit_memory() -> None:
    """Allow this process so much more memory, on systems that can."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123 - starts faster
            limit = int(stream.read().split()[0]) * resource.getpagesize() + MEMORY
    except (ImportError, OSError):
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def touch(item: Any, depth: int = 0) -> None:
    """Read attributes and data of a group or dataset, and what its references name."""
    for name in item.attrs:
        attempt(partial(item.attrs.__getitem__, name))
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return
    data = attempt(lambda: first_piece(item))
    if data is not None and item.dtype == h5py.ref_dtype and depth < 2:
        for reference in np.ravel(data)[:MAX_REFERENCES]:
            attempt(partial(follow, item, reference, depth))


def follow(item: h5py.Dataset, reference: Any, depth: int) -> None:
    """Touch what a reference names."""
    if reference:
        touch(item.file[reference], depth + 1)


def first_piece(item: h5py.Dataset) -> Any:
    """Whole of a dataset, or as many of its first rows as fit."""
    size = item.size * item.dtype.itemsize
    if size <= PIECE:
        return item[()]
    rows = max(1, PIECE * len(item) // size)
    return item[:rows]


def attempt(action: Callable[[], Any]) -> Any:
    """Do it; an error of the library is an answer, too."""
    try:
        return action()
    except MemoryError:
        sys.exit(TOO_LARGE)
    except Exception:  # noqa: BLE001 - the edge of a process: only crashes and hangs count here
        return None


def main(path: str) -> None:
    """Touch everything in the file."""
    limit_memory()
    file = attempt(lambda: h5py.File(path, "r"))
    if file is not None:
        attempt(lambda: touch(file))
        attempt(lambda: file.visititems(lambda _, item: touch(item)))


if __name__ == "__main__":
    main(sys.argv[1])
