"""The store of centres of mass: peaks in each view and their 3D, resumable at any instant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.com_mat import com_files

from .array_specs import ArraySpec
from .com import ComTrace
from .identities import Linked, in_order, link_identities
from .job_store import JobStore
from .linked_order import read_order, write_order
from .store import arrays_of
from .twins import Twin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .job import Job

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class ComChunk:
    """Centres of mass of n moments as a store holds them. Missing is NaN.

    Parameters
    ----------
    positions
        (n, A, 3) mm.
    confidence
        (n, A).
    peaks
        (n, V, A, 2) px, distorted and 0-based: where each view sees each animal.
    peak_confidence
        (n, V, A) height of the peak.
    reasons
        (n, A) `Reason` values, uint8: why an animal has no position. All `NONE` when left out.
    """

    positions: FloatArray
    confidence: FloatArray
    peaks: FloatArray
    peak_confidence: FloatArray
    reasons: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class ComStore(JobStore):
    """Centres of mass of one recording; the job names its cameras.

    Arrays: ``positions`` (T, A, 3) mm, ``confidence`` (T, A), ``peaks`` (T, V, A, 2) px,
    ``peak_confidence`` (T, V, A), ``reasons`` (T, A), ``sample_ids`` (T,), ``done`` (chunks,).
    Where all animals share one heatmap, ``order`` (T, A) is written when all is done: the column in
    which each animal is at each moment.
    """

    kind: ClassVar[Literal["poses", "com"]] = "com"

    @staticmethod
    def specs(job: Job, extras: Iterable[str]) -> tuple[ArraySpec, ...]:
        """Arrays of a store for this job.

        Raises
        ------
        ValueError
            When the job names no cameras, or extras are asked for: there are none.
        """
        animals, views = len(job.animals), len(job.cameras)
        if not views:
            raise ValueError("a store of centres of mass needs cameras, the job has none")
        if tuple(extras):
            raise ValueError(f"a store of centres of mass has no extras, got {list(extras)}")
        nan = float("nan")
        return (
            ArraySpec("positions", (animals, 3), "f8", nan),
            ArraySpec("confidence", (animals,), "f4", nan),
            ArraySpec("peaks", (views, animals, 2), "f4", nan),
            ArraySpec("peak_confidence", (views, animals), "f4", nan),
            ArraySpec("reasons", (animals,), "u1", 0),
        )

    def write(self, start: int, centres: ComChunk) -> None:
        """Write the whole chunk that begins at moment `start`, and mark it done.

        Raises
        ------
        ValueError
            When no chunk begins there, or the arrays are not those of the whole chunk.
        """
        values = arrays_of(centres)
        values.setdefault("reasons", np.zeros(np.shape(centres.confidence), dtype=np.uint8))
        self._arrays.write(start, values)

    def read(self, moments: range | None = None) -> ComChunk:
        """Read some moments, all by default. What is not done yet is NaN.

        Columns are as the network found them; `order` tells which are whose once animals are
        linked.
        """
        chosen = self._range(moments)
        values = {spec.name: self._arrays.read(spec.name, chosen) for spec in self._arrays.specs}
        return ComChunk(**values)

    def order(self, moments: range | None = None) -> npt.NDArray[np.int64]:
        """(n, A) column in which each animal is at some moments, all by default."""
        chosen, n_animals = self._range(moments), len(self.job.animals)
        linked = read_order(self.path, chosen, n_animals)
        return np.tile(np.arange(n_animals), (len(chosen), 1)) if linked is None else linked

    def trace(self, moments: range | None = None) -> ComTrace:
        """Read the 3D trace of some moments, all by default. What is not done yet is NaN.

        Animals are linked over time as soon as `link` did so.
        """
        found = self._as_found(moments)
        return in_order(found, self.order(moments))

    def link(self) -> Linked:
        """Link animals over time, once all chunks are done; again gives the same.

        Raises
        ------
        ValueError
            When chunks are missing.
        """
        missing = self.missing_chunks()
        if missing:
            raise ValueError(
                f"{self.path}: animals can be linked when all chunks are done; that from moment "
                f"{missing[0].start} is missing"
            )
        linked = link_identities(self._as_found(None))
        write_order(self.path, linked.order)
        return linked

    def _as_found(self, moments: range | None) -> ComTrace:
        """Trace of columns as the network found them."""
        chosen = self._range(moments)
        return ComTrace(
            positions=self._arrays.read("positions", chosen),
            confidence=self._arrays.read("confidence", chosen).astype(np.float64),
            sample_ids=self.sample_ids(chosen),
            animals=self.job.animals,
        )

    def twins(self, start: int | None = None) -> tuple[Twin, ...]:
        """Files that hold the same in the reference's layout.

        ``com3d<start>.mat``, and one ``instance<i>com3d<start>.mat`` an animal if several.

        Parameters
        ----------
        start
            First moment of a run over a part of the recording; None: a run over all of it.
        """
        metadata = {
            "software": f"napari-sdannce {self.job.software}",
            "settings": json.dumps(self.job.settings),
            "weights": self.job.weights,
        }
        positions = self._in_blocks(
            lambda moments: self.trace(moments).positions, (len(self.job.animals), 3)
        )
        files = com_files(positions, self._ids_in_blocks("i8"), start=start, metadata=metadata)
        return tuple(Twin(name, variables) for name, variables in files.items())
