"""Arrays along moments in one Zarr group, written chunk by chunk.

A chunk counts only when a marker says so. The marker, one file a chunk, takes its place in one step
after the data lie whole on the disk. So a job may be killed at any instant, and any number of
processes may write different chunks of one store, or by mistake the same one.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import naming

from .array_specs import IDS_CHUNK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import zarr

    from .array_specs import ArraySpec

EXPECTED = "a prediction store (a folder with zarr.json that napari-sdannce made)"
CLAIMS_FOLDER = Path("done", "claims")
"""In a store: who works on what, see `claims`. Zarr looks for nothing there."""
BESIDE_NOTE = Path("done", "twins.json")
"""In a store: names of the files that were written beside it once it was whole."""

_IDS = "sample_ids"
_DONE = "done"
_DONE_FOLDER = Path(_DONE, "c")


@dataclass(frozen=True, eq=False)
class ChunkedArrays:
    """Arrays along moments on the disk; nothing is kept in memory.

    Parameters
    ----------
    path
        Folder of the Zarr group.
    n_moments
        T.
    chunk
        Moments written at once.
    specs
        The arrays.
    """

    path: Path
    n_moments: int
    chunk: int
    specs: tuple[ArraySpec, ...]

    @classmethod
    def create(
        cls,
        path: Path,
        sample_ids: npt.NDArray[np.int64],
        chunk: int,
        specs: Sequence[ArraySpec],
        attributes: Mapping[str, Any],
    ) -> ChunkedArrays:
        """Make a new store: whole or not at all.

        Raises
        ------
        FileExistsError
            When there is something at `path` already.
        """
        if path.exists():
            raise FileExistsError(f"{path} exists; open it, or choose another folder")
        arrays = cls(path, len(sample_ids), chunk, tuple(specs))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        try:
            with naming(path, within=temporary):
                arrays._build(temporary, sample_ids, attributes)
            try:
                temporary.rename(path)
            except OSError as error:
                # the rename refuses a folder that is not empty: another process was faster
                if not path.exists():
                    raise
                raise FileExistsError(f"{path} exists; open it") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return arrays

    def _build(
        self, folder: Path, sample_ids: npt.NDArray[np.int64], attributes: Mapping[str, Any]
    ) -> None:
        import zarr

        group = zarr.create_group(folder, zarr_format=3, attributes=dict(attributes))
        ids_chunk = min(IDS_CHUNK, self.n_moments)
        ids = group.create_array(_IDS, shape=(self.n_moments,), chunks=(ids_chunk,), dtype="i8")
        # chunk by chunk: where one fails, threads of Zarr would go on with the others
        for start in range(0, self.n_moments, ids_chunk):
            ids[start : start + ids_chunk] = sample_ids[start : start + ids_chunk]
        group.create_array(
            _DONE, shape=(self.n_chunks,), chunks=(1,), dtype="u1", fill_value=0, compressors=None
        )
        (folder / _DONE_FOLDER).mkdir(exist_ok=True)
        for spec in self.specs:
            group.create_array(
                spec.name,
                shape=(self.n_moments, *spec.shape),
                chunks=(self.chunk, *spec.shape),
                dtype=spec.dtype,
                fill_value=spec.fill,
            )

    @classmethod
    def open(
        cls, path: Path, chunk: int, n_moments: int, specs: Sequence[ArraySpec]
    ) -> ChunkedArrays:
        """Open a store whose arrays must be these.

        Raises
        ------
        FileFormatError
            When an array is missing or another one than expected.
        """
        arrays = cls(path, n_moments, chunk, tuple(specs))
        if n_moments < 1 or not 1 <= chunk <= n_moments:
            found = f"has {n_moments} moments in chunks of {chunk}"
            raise FileFormatError(path, found, "at least one moment, and chunks no longer than all")
        arrays._check(_IDS, (n_moments,), min(IDS_CHUNK, n_moments), "i8")
        arrays._check(_DONE, (arrays.n_chunks,), 1, "u1")
        for spec in specs:
            arrays._check(spec.name, (n_moments, *spec.shape), chunk, spec.dtype)
        if not (path / _DONE_FOLDER).is_dir():
            raise FileFormatError(path, f"it has no folder {_DONE_FOLDER.as_posix()}", EXPECTED)
        return arrays

    def _check(self, name: str, shape: tuple[int, ...], chunk: int, dtype: str) -> None:
        array = self._array(name, "r")
        expected = (shape, (chunk, *shape[1:]), np.dtype(dtype))
        found = (array.shape, array.chunks, array.dtype)
        if found != expected:
            raise FileFormatError(
                self.path,
                f"array '{name}' has shape, chunks and type {found}",
                f"{expected}, as the store's attributes say",
            )

    @property
    def n_chunks(self) -> int:
        """Number of chunks along the moments."""
        return -(-self.n_moments // self.chunk)

    def chunk_range(self, index: int) -> range:
        """Moments of a chunk."""
        start = index * self.chunk
        return range(start, min(start + self.chunk, self.n_moments))

    def done(self) -> npt.NDArray[np.bool_]:
        """(n_chunks,) which chunks are whole."""
        found = np.zeros(self.n_chunks, dtype=bool)
        folder = self.path / _DONE_FOLDER
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries}
        for index in range(self.n_chunks):
            found[index] = str(index) in names
        return found

    def mend(self) -> None:
        """Count no chunk as done whose data were lost: it is then written anew."""
        for index in np.flatnonzero(self.done()):
            if not all(self._file(spec, int(index)).exists() for spec in self.specs):
                (self.path / _DONE_FOLDER / str(index)).unlink(missing_ok=True)

    def missing(self) -> tuple[range, ...]:
        """Moments of the chunks that are still to be written, in order."""
        return tuple(self.chunk_range(int(i)) for i in np.flatnonzero(~self.done()))

    def sample_ids(self, moments: range) -> npt.NDArray[np.int64]:
        """(n,) keys of some moments."""
        return self._read(_IDS, moments)

    def write(self, start: int, values: Mapping[str, npt.ArrayLike]) -> None:
        """Write one whole chunk and mark it done.

        Raises
        ------
        ValueError
            When the values are not those of one whole chunk.
        OSError
            When they cannot be written, as on a full disk; the error names the store.
        """
        index, moments = self._chunk_at(start)
        checked = [self._checked(spec, values, moments) for spec in self.specs]
        try:
            with naming(self.path, within=self.path):
                for spec, value in zip(self.specs, checked, strict=True):
                    self._array(spec.name, "r+")[moments.start : moments.stop] = value
                    self._flush(spec, index)
        except FileNotFoundError:
            # another process wrote the same chunk and swept our temporary file away (`sweep`)
            if not self.done()[index]:
                raise
        # what was written beside an older chunk is no longer the same
        (self.path / BESIDE_NOTE).unlink(missing_ok=True)
        self._mark(index)

    def _chunk_at(self, start: int) -> tuple[int, range]:
        index, rest = divmod(start, self.chunk)
        if rest or not 0 <= index < self.n_chunks:
            raise ValueError(
                f"{self.path}: no chunk starts at moment {start}; chunks have {self.chunk} of the "
                f"{self.n_moments} moments"
            )
        return index, self.chunk_range(index)

    def _checked(
        self, spec: ArraySpec, values: Mapping[str, npt.ArrayLike], moments: range
    ) -> npt.NDArray[Any]:
        if spec.name not in values:
            raise ValueError(f"{self.path}: '{spec.name}' is missing; this store holds it")
        value = np.asarray(values[spec.name], dtype=spec.dtype)
        expected = (len(moments), *spec.shape)
        if value.shape != expected:
            raise ValueError(
                f"{self.path}: {spec.name} has shape {value.shape}, the chunk from moment "
                f"{moments.start} is {expected}"
            )
        return value

    def _flush(self, spec: ArraySpec, index: int) -> None:
        """Make sure the data are on the disk before the marker is: the machine may lose power."""
        with self._file(spec, index).open("r+b") as stream:
            os.fsync(stream.fileno())

    def _file(self, spec: ArraySpec, index: int) -> Path:
        return self.path.joinpath(spec.name, "c", str(index), *["0"] * len(spec.shape))

    def _mark(self, index: int) -> None:
        marker = self.path / _DONE_FOLDER / str(index)
        temporary = marker.with_name(f"{index}.{secrets.token_hex(8)}.partial")
        with naming(self.path, within=self.path), temporary.open("wb") as stream:
            stream.write(b"\x01")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            temporary.replace(marker)
        except FileNotFoundError:
            if not marker.exists():
                raise

    def sweep(self) -> None:
        """Remove what killed writers left behind. Only when every chunk is done.

        Raises
        ------
        ValueError
            When chunks are missing: their writers may be alive.
        """
        missing = self.missing()
        if missing:
            raise ValueError(
                f"{self.path}: {len(missing)} of {self.n_chunks} chunks are missing, the first "
                f"starts at moment {missing[0].start}"
            )
        for leftover in self.path.rglob("*.partial"):
            leftover.unlink(missing_ok=True)

    def read(self, name: str, moments: range) -> npt.NDArray[Any]:
        """Read (n, ...) values of an array; `fill` where the chunk is not done.

        Raises
        ------
        FileFormatError
            When the data are damaged.
        ValueError
            When the moments are not in the store.
        """
        if moments.step != 1 or not 0 <= moments.start <= moments.stop <= self.n_moments:
            raise ValueError(f"{self.path}: no moments {moments}; there are {self.n_moments}")
        values = self._read(name, moments)
        owner = np.arange(moments.start, moments.stop) // self.chunk
        spec = next(spec for spec in self.specs if spec.name == name)
        done = self.done()
        for index in np.unique(owner[done[owner]]):
            if not self._file(spec, int(index)).exists():
                found = f"array '{name}' is damaged: chunk {index} is missing"
                raise FileFormatError(self.path, found, "whole chunks")
        values[~done[owner]] = spec.fill
        return values

    def _read(self, name: str, moments: range) -> npt.NDArray[Any]:
        array = self._array(name, "r")
        try:
            return np.asarray(array[moments.start : moments.stop])
        except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
            found = f"array '{name}' is damaged: {error}"
            raise FileFormatError(self.path, found, "whole chunks") from error

    def _array(self, name: str, mode: Literal["r", "r+"]) -> zarr.Array[Any]:
        import zarr

        try:
            array = zarr.open_array(self.path / name, mode=mode, zarr_format=3)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            found = f"array '{name}' is missing or damaged: {error}"
            raise FileFormatError(self.path, found, EXPECTED) from error
        # a chunk of nothing but `fill` has a file, too: one that has none was lost. Not by
        # zarr.config, which is one for all threads
        return array.with_config({"write_empty_chunks": True})
