"""What the stores of poses and of centres of mass have in common."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from filelock import FileLock

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.moment_blocks import MomentBlocks
from napari_sdannce.files.writing import atomic_path

from .array_specs import ArraySpec, chunk_for
from .chunks import BESIDE_NOTE, CLAIMS_FOLDER, ChunkedArrays
from .claims import Claims
from .job import (
    ATTRIBUTE,
    Job,
    OtherJobError,
    StoreAttributes,
    check_same_job,
    check_same_moments,
    read_store_attributes,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from napari_sdannce.files.moment_blocks import EightBytes

    from .twins import Twin

_BLOCK = 4096
"""Moments that are read at once to be written elsewhere, where chunks are smaller."""


@dataclass(frozen=True, eq=False)
class JobStore(ABC):
    """Predictions of one job over the moments of one recording, in a Zarr group on a local folder.

    Processes may write different chunks at the same time, and be killed: what counts is
    `missing_chunks`. The group's attribute ``napari_sdannce`` says what job it belongs to.

    Parameters
    ----------
    path
        Folder of the store.
    job
        What it was made for.
    extras
        Optional arrays it holds.
    """

    path: Path
    job: Job
    extras: tuple[str, ...]
    _arrays: ChunkedArrays = field(repr=False)

    kind: ClassVar[Literal["poses", "com"]]

    @staticmethod
    @abstractmethod
    def specs(job: Job, extras: Iterable[str]) -> tuple[ArraySpec, ...]:
        """Arrays of a store for this job."""

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        sample_ids: npt.ArrayLike,
        job: Job,
        *,
        chunk: int | None = None,
        extras: Iterable[str] = (),
    ) -> Self:
        """Make an empty store for these moments.

        Parameters
        ----------
        path
            Folder to make.
        sample_ids
            (T,) keys of the moments to predict, as in the recording's `Sync`.
        job
            What the store is for.
        chunk
            Moments written at once; by default 100, more for more than 100 000 moments.
        extras
            Optional arrays to hold.

        Raises
        ------
        FileExistsError
            When there is something at `path` already.
        ValueError
            When sample ids repeat, or there are none.
        """
        ids = np.asarray(sample_ids, dtype=np.int64)
        folder = Path(path).absolute()
        signed = job.model_copy(update={"software": version("napari-sdannce")})
        about = StoreAttributes(
            kind=cls.kind,
            n_moments=len(ids),
            chunk=chunk_for(folder, ids, chunk),
            extras=tuple(sorted(extras)),
            job=signed,
        )
        specs = cls.specs(signed, about.extras)
        attributes = {ATTRIBUTE: about.model_dump(mode="json")}
        arrays = ChunkedArrays.create(folder, ids, about.chunk, specs, attributes)
        return cls(folder, signed, about.extras, arrays)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a store, finished or not.

        Raises
        ------
        FileNotFoundError
            When there is no such folder.
        FileFormatError
            When it is not a store of this kind, or damaged.
        """
        folder = Path(path).absolute()
        about = read_store_attributes(folder)
        if about.kind != cls.kind:
            raise FileFormatError(folder, f"a store of '{about.kind}'", f"one of '{cls.kind}'")
        try:
            specs = cls.specs(about.job, about.extras)
        except ValueError as error:
            raise FileFormatError(folder, str(error), f"a store of '{cls.kind}'") from error
        arrays = ChunkedArrays.open(folder, about.chunk, about.n_moments, specs)
        return cls(folder, about.job, about.extras, arrays)

    @classmethod
    def open_or_create(
        cls,
        path: str | os.PathLike[str],
        sample_ids: npt.ArrayLike,
        job: Job,
        *,
        chunk: int | None = None,
        extras: Iterable[str] = (),
    ) -> Self:
        """Open the store of a job that was begun, or make it; safe when several processes do so.

        The chunk of a store that exists stays as it was.

        Raises
        ------
        OtherJobError
            When the store that exists was made for another job; the message names the difference.
        FileFormatError
            When what exists is not a store.
        """
        chosen = tuple(sorted(extras))
        if not Path(path).exists():
            try:
                return cls.create(path, sample_ids, job, chunk=chunk, extras=chosen)
            except FileExistsError:
                pass  # another process was faster
        store = cls.open(path)
        # first the moments: what was known of others differs, too, and says less
        ids = np.asarray(sample_ids, dtype=np.int64)
        check_same_moments(store.path, store.sample_ids, len(store), ids)
        check_same_job(store.path, store.job, job)
        if store.extras != chosen:
            raise OtherJobError(
                f"{store.path} was made for another job: it holds the extras {store.extras}, not "
                f"{chosen}; choose another folder"
            )
        store._arrays.mend()
        return store

    def __len__(self) -> int:
        return self._arrays.n_moments

    @property
    def chunk(self) -> int:
        """Moments written at once."""
        return self._arrays.chunk

    def missing_chunks(self) -> tuple[range, ...]:
        """Moments of each chunk that is still to be written, in order."""
        return self._arrays.missing()

    def sample_ids(self, moments: range | None = None) -> npt.NDArray[np.int64]:
        """(n,) keys of the moments, of all by default."""
        return self._arrays.sample_ids(self._range(moments))

    def claims(self, within: range | None = None) -> Claims:
        """Claims of this process on missing chunks, so that no other one computes them meanwhile.

        Parameters
        ----------
        within
            Only chunks with some of these moments; all by default.
        """
        wanted = self._range(within)

        def missing() -> list[range]:
            return [
                chunk
                for chunk in self.missing_chunks()
                if chunk.start < wanted.stop and wanted.start < chunk.stop
            ]

        return Claims(self.path / CLAIMS_FOLDER, missing)

    def finish(self) -> None:
        """Remove what killed writers left behind, once every chunk is done.

        Raises
        ------
        ValueError
            When chunks are missing.
        """
        self._arrays.sweep()

    @abstractmethod
    def twins(self, start: int | None = None) -> tuple[Twin, ...]:
        """Files that hold the same in the reference's layout.

        Parameters
        ----------
        start
            First moment of a run over a part of the recording, for the names of files.
        """

    def write_mat(
        self,
        folder: str | os.PathLike[str],
        *,
        start: int | None = None,
        overwrite: bool = False,
    ) -> tuple[Path, ...]:
        """Write the `twins` that fit into the format, without ever holding one in memory.

        Moments without a position stay, as NaN.

        Parameters
        ----------
        folder
            Where to; made when it is not there.
        start
            As of `twins`.
        overwrite
            Whether existing files may be replaced.

        Raises
        ------
        FileExistsError
            When a file exists and may not be overwritten.
        """
        fitting = (twin for twin in self.twins(start) if twin.fits)
        return tuple(twin.write(Path(folder), overwrite=overwrite) for twin in fitting)

    def write_beside(
        self, names: Sequence[str], write: Callable[[Path], object]
    ) -> tuple[Path, ...]:
        """Finish the store and write files beside it, once: of several processes, one does so.

        The others wait for it, and take its place should it die.

        Parameters
        ----------
        names
            Of the files.
        write
            Writes them into the folder that it is given.

        Returns
        -------
        The files.

        Raises
        ------
        ValueError
            When chunks are missing.
        """
        note = self.path / BESIDE_NOTE
        files = tuple(self.path.parent / name for name in names)
        with FileLock(note.with_suffix(".lock")):
            noted = _noted(note)
            if noted is not None and noted.issuperset(names) and all(map(Path.exists, files)):
                return files
            self.finish()
            write(self.path.parent)
            with atomic_path(note, overwrite=True) as draft:
                draft.write_text(json.dumps(list(names)), encoding="utf-8")
        return files

    def _in_blocks(
        self,
        read: Callable[[range], npt.NDArray[Any]],
        shape: tuple[int, ...],
        dtype: EightBytes = "f8",
    ) -> MomentBlocks:
        """What `read` gives of all moments, (n, *shape) of some at once, as whole chunks go."""
        step = self.chunk * max(_BLOCK // self.chunk, 1)
        n = len(self)
        return MomentBlocks(
            n,
            lambda: (read(range(start, min(start + step, n))) for start in range(0, n, step)),
            np.empty((0, *shape)),
            dtype,
        )

    def _ids_in_blocks(self, dtype: EightBytes) -> MomentBlocks:
        return self._in_blocks(self.sample_ids, (), dtype)

    def _range(self, moments: range | None) -> range:
        return range(len(self)) if moments is None else moments


def _noted(note: Path) -> set[str] | None:
    """Names in a note of what was written; None where there is none, or it is damaged."""
    try:
        names = json.loads(note.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    whole = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return set(names) if whole else None
