"""MATLAB v7.3 files: HDF5 with attributes that say what each dataset is in MATLAB."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from .hdf5 import HDF5_ERRORS
from .hdf5_probe import UnsafeHdf5Error, probe_hdf5
from .mat5_read import MAX_CELLS, MAX_DEPTH, MAX_VARIABLE_BYTES, DamagedMatError
from .mat_values import MatArray, MatValue, Opaque, Skipped, StructArray, class_of, with_class

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

_MOST_COMPRESSION = 1100
"""Deflate makes nothing smaller than by this factor; more is a claim without data."""
_SMALL = 1000
_TEXT_HEAD = b"MATLAB 7.3 MAT-file, written by napari-sdannce"
_NUMERIC = {"double", "single"} | {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}


def read_mat73(path: Path, wanted: Container[str] | None = None) -> dict[str, MatValue]:
    """Read the variables of a v7.3 file; `Skipped` for those not wanted.

    Raises
    ------
    DamagedMatError
        When the file is damaged.
    """
    try:
        probe_hdf5(path)
        with h5py.File(path, "r") as file:
            reader = _Reader(file)
            return {
                name: reader.value(file[name], 0) if wanted is None or name in wanted else Skipped()
                for name in file
                if name[:1] != "#"
            }
    except UnsafeHdf5Error as error:
        raise DamagedMatError(str(error)) from error
    except (*HDF5_ERRORS, ValueError, OverflowError) as error:
        raise DamagedMatError(f"the HDF5 library cannot read it ({error!r})") from error


class _Reader:
    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.bytes_left = 2 * MAX_VARIABLE_BYTES
        self.cells_left = MAX_CELLS

    def value(self, item: h5py.Dataset | h5py.Group, depth: int) -> MatValue:
        if depth > MAX_DEPTH:
            raise DamagedMatError(f"its variables nest deeper than {MAX_DEPTH} levels")
        kind = _text(item.attrs.get("MATLAB_class"))
        if "MATLAB_object_decode" in item.attrs and kind not in _NUMERIC:
            return Opaque(kind or "object")
        if isinstance(item, h5py.Group):
            return self._struct(item, depth)
        if item.attrs.get("MATLAB_empty"):
            return self._empty(item, kind)
        return self._dataset(item, kind, depth)

    def _dataset(self, item: h5py.Dataset, kind: str, depth: int) -> MatValue:
        if item.dtype == h5py.ref_dtype:
            return self._cell(item, depth)
        if h5py.check_string_dtype(item.dtype) is not None and item.shape == ():
            return _text(item[()])
        if item.dtype.kind not in "biufc" and not _is_complex(item.dtype):
            return Opaque(kind or str(item.dtype))
        values = self._read(item)
        if _is_complex(values.dtype):
            values = values["real"] + 1j * values["imag"]
        values = values.T
        if kind == "char":
            return _char(values)
        if kind == "logical":
            return with_class(values.astype(np.uint8), "logical")
        return values

    def _read(self, item: h5py.Dataset) -> MatArray:
        needed = math.prod(item.shape or (0,)) * item.dtype.itemsize
        most = _MOST_COMPRESSION * (item.id.get_storage_size() + _SMALL)
        if needed > min(self.bytes_left, most):
            raise DamagedMatError(f"'{item.name}' claims {needed} bytes")
        if item.shape is None:
            return np.zeros((0, 0))
        self.bytes_left -= needed
        return np.asarray(item[()])

    def _empty(self, item: h5py.Dataset, kind: str) -> MatValue:
        shape = tuple(int(n) for n in self._read(item).ravel()[:32])
        if kind == "char":
            return ""
        if math.prod(shape) != 0 or min(shape, default=0) < 0:
            raise DamagedMatError(f"'{item.name}' is marked as empty but has the shape {shape}")
        if kind == "cell":
            return np.empty(shape, dtype=object)
        if kind == "struct":
            return StructArray(shape, (), ())
        return np.zeros(shape, dtype=_dtype(kind))

    def _cell(self, item: h5py.Dataset, depth: int) -> MatArray:
        references = self._read(item).T
        self._take_cells(references.size)
        cell = np.empty(references.shape, dtype=object)
        for i, reference in enumerate(references.flat):
            cell.flat[i] = self._follow(reference, depth)
        return cell

    def _follow(self, reference: Any, depth: int) -> MatValue:
        if not reference:
            return np.zeros((0, 0))
        return self.value(self.file[reference], depth + 1)

    def _struct(self, group: h5py.Group, depth: int) -> MatValue:
        names = self._field_names(group)
        arrays = [name for name in names if self._is_field_of_array(group[name])]
        if not names or len(arrays) < len(names):
            return {name: self.value(group[name], depth + 1) for name in names}
        references = {name: self._read(group[name]).T for name in names}
        shape = next(iter(references.values())).shape
        if any(each.shape != shape for each in references.values()):
            raise DamagedMatError(f"the fields of the struct '{group.name}' differ in shape")
        count = math.prod(shape)
        self._take_cells(count * len(names))
        elements = tuple(
            {name: self._follow(references[name].ravel(order="F")[i], depth) for name in names}
            for i in range(count)
        )
        return StructArray(shape, tuple(names), elements)

    def _field_names(self, group: h5py.Group) -> list[str]:
        present = list(group)
        ordered = group.attrs.get("MATLAB_fields")
        if ordered is None:
            return present
        names = ["".join(_text(letter) for letter in np.ravel(name)) for name in ordered]
        return [name for name in names if name in present] + [
            name for name in present if name not in names
        ]

    def _is_field_of_array(self, item: h5py.Dataset | h5py.Group) -> bool:
        """A field of a struct array is a dataset of references that is not itself a cell."""
        if not isinstance(item, h5py.Dataset) or item.dtype != h5py.ref_dtype:
            return False
        return "MATLAB_class" not in item.attrs

    def _take_cells(self, count: int) -> None:
        self.cells_left -= count
        if self.cells_left < 0:
            raise DamagedMatError(f"it claims more than {MAX_CELLS} cells")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else ""


def _dtype(kind: str) -> np.dtype[Any]:
    return np.dtype({"double": "f8", "single": "f4"}.get(kind, kind if kind in _NUMERIC else "f8"))


def _is_complex(dtype: np.dtype[Any]) -> bool:
    return dtype.names == ("real", "imag")


def _char(codes: MatArray) -> MatValue:
    if codes.size and (codes.dtype.kind not in "iu" or int(codes.max()) > 0x10FFFF):
        raise DamagedMatError("text holds numbers that are no letters")
    rows = ["".join(map(chr, row)) for row in np.atleast_2d(codes).tolist()]
    return rows[0] if len(rows) == 1 else np.array(rows)


def write_mat73(path: Path, variables: Mapping[str, MatValue]) -> None:
    """Write variables as a v7.3 file in MATLAB's layout.

    Made in memory: on a full disk, HDF5 leaves a damaged file and says nothing.
    """
    image = BytesIO()
    with h5py.File(image, "w", userblock_size=512) as file:
        writer = _Writer(file)
        for name, value in variables.items():
            writer.write(file, name, value)
    image.seek(0)
    image.write(_TEXT_HEAD.ljust(116) + b"\0" * 8 + b"\x00\x02IM")
    with path.open("wb") as stream:
        stream.write(image.getbuffer())


class _Writer:
    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.count = 0

    def write(self, parent: h5py.Group, name: str, value: MatValue) -> None:
        if isinstance(value, dict):
            group = self._group(parent, name, list(value))
            for field, item in value.items():
                self.write(group, field, item)
        elif isinstance(value, StructArray):
            self._write_structs(parent, name, value)
        elif isinstance(value, str):
            self._write_array(parent, name, np.array([[ord(x) for x in value]], "u2"), "char")
        elif isinstance(value, np.ndarray) and value.dtype == object:
            self._write_array(parent, name, self._references(value), "cell")
        elif isinstance(value, np.ndarray) and value.dtype.kind == "U":
            width = max(map(len, value.ravel().tolist()), default=0)
            codes = [[ord(x) for x in text.ljust(width)] for text in value.ravel().tolist()]
            self._write_array(parent, name, np.array(codes, "u2"), "char")
        else:
            self._write_numbers(parent, name, np.atleast_2d(np.asarray(value)))

    def _write_numbers(self, parent: h5py.Group, name: str, array: MatArray) -> None:
        kept = class_of(array)
        if array.dtype.kind == "c":
            pairs = np.empty(array.shape, dtype=[("real", "f8"), ("imag", "f8")])
            pairs["real"], pairs["imag"] = array.real, array.imag
            self._write_array(parent, name, pairs, "double")
            return
        if kept == "logical" or array.dtype.kind == "b":
            self._write_array(parent, name, array.astype(np.uint8), "logical")
            parent[name].attrs["MATLAB_int_decode"] = np.int32(1)
            return
        kind = {"f8": "double", "f4": "single"}.get(array.dtype.str[1:], array.dtype.name)
        if kept and kept != kind:  # HDF5 has one type only: the class of MATLAB
            array, kind = array.astype(_dtype(kept)), kept
        if kind not in _NUMERIC:
            raise ValueError(f"variable '{name}': MATLAB has no class for {array.dtype}")
        self._write_array(parent, name, array, kind)

    def _write_array(self, parent: h5py.Group, name: str, array: MatArray, kind: str) -> None:
        if array.size:
            packing = {"compression": 3} if array.size > 1000 and kind != "cell" else {}
            item = parent.create_dataset(name, data=array.T, dtype=array.dtype, **packing)
        else:
            item = parent.create_dataset(name, data=np.array(array.shape, dtype=np.uint64))
            item.attrs["MATLAB_empty"] = np.uint8(1)
        item.attrs["MATLAB_class"] = np.bytes_(kind)

    def _references(self, values: MatArray) -> MatArray:
        references = np.empty(values.shape, dtype=h5py.ref_dtype)
        pool = self.file.require_group("#refs#")
        for i, item in enumerate(values.flat):
            name = f"r{self.count}"
            self.count += 1
            self.write(pool, name, item)
            references.flat[i] = pool[name].ref
        return references

    def _group(self, parent: h5py.Group, name: str, fields: list[str]) -> h5py.Group:
        """Group of a struct, with the order of its fields."""
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        letters = np.empty(len(fields), dtype=object)
        for i, each in enumerate(fields):
            letters[i] = np.array([bytes([code]) for code in each.encode()], dtype="S1")
        group.attrs.create("MATLAB_fields", letters, dtype=h5py.vlen_dtype(np.dtype("S1")))
        return group

    def _write_structs(self, parent: h5py.Group, name: str, structs: StructArray) -> None:
        group = self._group(parent, name, list(structs.names))
        for field in structs.names:
            column = np.empty(len(structs.elements), dtype=object)
            column[:] = [element[field] for element in structs.elements]
            references = self._references(column.reshape(structs.shape, order="F"))
            group.create_dataset(field, data=references.T, dtype=h5py.ref_dtype)
