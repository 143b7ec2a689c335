"""Which column of a COM store is which animal, once that is known for all moments."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import naming

if TYPE_CHECKING:
    from pathlib import Path

IntArray = npt.NDArray[np.int64]

ARRAY = "order"
_CHUNK = 65536  # moments
EXPECTED = "the order of the animals at each moment"


def write_order(store: Path, order: IntArray) -> None:
    """Keep the order (T, A) of a store's columns, whole or not at all.

    What is kept already stays: a store does not change, and so its order does not.
    """
    import zarr

    place = store / ARRAY
    if place.exists():
        return
    temporary = store / f".{ARRAY}-{secrets.token_hex(4)}"
    try:
        with naming(place, within=temporary):
            rows = min(_CHUNK, len(order))
            array = zarr.create_array(
                temporary, shape=order.shape, chunks=(rows, order.shape[1]), dtype="u2"
            )
            # chunk by chunk: where one fails, threads of Zarr would go on with the others
            for start in range(0, len(order), rows):
                array[start : start + rows] = order[start : start + rows].astype(np.uint16)
            temporary.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_order(store: Path, moments: range, n_animals: int) -> IntArray | None:
    """Read the order (n, A) of some moments; None where columns are animals as they stand.

    Raises
    ------
    FileFormatError
        When it is damaged.
    """
    import zarr

    if not (store / ARRAY).exists():
        return None
    try:
        array = zarr.open_array(store / ARRAY, mode="r", zarr_format=3)
        order = np.asarray(array[moments.start : moments.stop]).astype(np.int64)
    except (OSError, ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
        raise FileFormatError(store, f"array '{ARRAY}' is damaged: {error}", EXPECTED) from error
    if order.shape != (len(moments), n_animals) or (
        (np.sort(order, axis=1) != np.arange(n_animals)).any()
    ):
        found = f"array '{ARRAY}' of shape {order.shape} does not name each animal once"
        raise FileFormatError(store, found, EXPECTED)
    return order
