"""The prediction store: poses of a recording, written chunk by chunk, resumable at any instant."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.com_mat import com_variables
from napari_sdannce.files.pose_mat import COM_USED, pose_file_name, pose_variables
from napari_sdannce.poses import Poses

from .array_specs import ArraySpec
from .com import ComTrace
from .job_store import JobStore
from .twins import Twin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_sdannce.files.moment_blocks import MomentBlocks

    from .job import ConfidenceKind, Job

FloatArray = npt.NDArray[np.floating]

EXTRAS = ("covariance", "heatmap_max", "initial")


@dataclass(frozen=True, eq=False)
class PoseChunk:
    """Poses of n moments as a store holds them. Missing is NaN.

    Parameters
    ----------
    positions
        (n, A, K, 3) mm.
    confidence
        (n, A, K) 0..1; the store's job says what it is.
    com
        (n, A, 3) mm, the centres that were used.
    reasons
        (n, A) `Reason` values, uint8: why an animal has no position. All `NONE` when left out.
    initial
        (n, A, K, 3) mm, the pose before refinement; only in stores made with that extra.
    heatmap_max
        (n, A, K) raw maximum of the heatmap; only in stores made with that extra.
    covariance
        (n, A, K, 6) mm^2: xx, xy, xz, yy, yz, zz of where the heatmap has the keypoint; only in
        stores made with that extra.
    """

    positions: FloatArray
    confidence: FloatArray
    com: FloatArray
    reasons: npt.NDArray[np.uint8] | None = None
    initial: FloatArray | None = None
    heatmap_max: FloatArray | None = None
    covariance: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class PoseStore(JobStore):
    """Poses of one recording.

    Arrays: ``positions`` (T, A, K, 3) mm, ``confidence`` (T, A, K), ``com`` (T, A, 3) mm,
    ``reasons`` (T, A), ``sample_ids`` (T,), ``done`` (chunks,), and the extras
    ``initial`` (T, A, K, 3) mm, ``heatmap_max`` (T, A, K) and ``covariance`` (T, A, K, 6) mm^2.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from napari_sdannce.predictions import Job
    >>> folder = tempfile.mkdtemp() + "/poses"
    >>> job = Job(animals=("rat",), keypoints=("nose", "tail"))
    >>> store = PoseStore.open_or_create(folder, np.arange(5), job, chunk=4)
    >>> store.missing_chunks()
    (range(0, 4), range(4, 5))
    >>> one = PoseChunk(np.ones((1, 1, 2, 3)), np.ones((1, 1, 2)), np.ones((1, 1, 3)))
    >>> store.write(4, one)
    >>> store.missing_chunks()
    (range(0, 4),)
    """

    kind: ClassVar[Literal["poses", "com"]] = "poses"

    @staticmethod
    def specs(job: Job, extras: Iterable[str]) -> tuple[ArraySpec, ...]:
        """Arrays of a store for this job.

        Raises
        ------
        ValueError
            When the job has no keypoints, or an extra is not known.
        """
        animals, keypoints = len(job.animals), len(job.keypoints)
        if not keypoints:
            raise ValueError("a store of poses needs keypoints, the job has none")
        nan = float("nan")
        optional = {
            "initial": ArraySpec("initial", (animals, keypoints, 3), "f4", nan),
            "heatmap_max": ArraySpec("heatmap_max", (animals, keypoints), "f4", nan),
            "covariance": ArraySpec("covariance", (animals, keypoints, 6), "f4", nan),
        }
        unknown = [name for name in extras if name not in optional]
        if unknown:
            raise ValueError(f"no extras {unknown}; there are {list(optional)}")
        return (
            ArraySpec("positions", (animals, keypoints, 3), "f4", nan),
            ArraySpec("confidence", (animals, keypoints), "f4", nan),
            ArraySpec("com", (animals, 3), "f8", nan),
            ArraySpec("reasons", (animals,), "u1", 0),
            *(optional[name] for name in extras),
        )

    def write(self, start: int, poses: PoseChunk) -> None:
        """Write the whole chunk that begins at moment `start`, and mark it done.

        Raises
        ------
        ValueError
            When no chunk begins there, or the arrays are not those of the whole chunk.
        """
        values = arrays_of(poses)
        values.setdefault("reasons", np.zeros(np.shape(poses.com)[:2], dtype=np.uint8))
        surplus = [name for name in EXTRAS if name in values and name not in self.extras]
        if surplus:
            raise ValueError(f"{self.path} was made without {surplus}; it holds {self.extras}")
        self._arrays.write(start, values)

    def read(self, moments: range | None = None) -> PoseChunk:
        """Read some moments, all by default. What is not done yet is NaN."""
        chosen = self._range(moments)
        values = {spec.name: self._arrays.read(spec.name, chosen) for spec in self._arrays.specs}
        return PoseChunk(**values)

    @property
    def confidence_kind(self) -> ConfidenceKind:
        """What the confidence is."""
        if self.job.confidence is not None:
            return self.job.confidence
        # a store that is older than the job's word for it
        return "probability" if "reliability" in self.job.settings else "peak"

    def poses(self, moments: range | None = None) -> Poses:
        """Read the poses of some moments, all by default. What is not done yet is NaN."""
        chosen = self._range(moments)
        return Poses(
            positions=self._arrays.read("positions", chosen).astype(np.float64),
            confidence=self._arrays.read("confidence", chosen).astype(np.float64),
            sample_ids=self.sample_ids(chosen),
            animals=self.job.animals,
            keypoints=self.job.keypoints,
            fps=self.job.fps,
            confidence_kind=self.confidence_kind,
        )

    def covariance(self, moments: range | None = None) -> FloatArray | None:
        """Read (n, A, K, 6) mm^2 of some moments, all by default; None where it was not kept.

        Not a part of `Poses`: it is twice as large as the positions, and few ask for it.
        """
        if "covariance" not in self.extras:
            return None
        return np.asarray(self._arrays.read("covariance", self._range(moments)))

    def com(self, moments: range | None = None) -> ComTrace:
        """Read the centres that were used at some moments, at all by default."""
        chosen = self._range(moments)
        positions = self._arrays.read("com", chosen).astype(np.float64)
        unknown = np.full(positions.shape[:2], np.nan)
        return ComTrace(positions, unknown, self.sample_ids(chosen), self.job.animals)

    def twins(self, start: int | None = None) -> tuple[Twin, ...]:
        """Files that hold the same in the reference's layout.

        ``save_data_AVG<start>.mat``, ``com3d_used.mat``, and ``init_save_data_AVG.mat`` when the
        store holds the initial poses. ``p_max`` is the raw maximum of the heatmap when the store
        holds it, else the confidence.

        Parameters
        ----------
        start
            First moment of the run, part of the name; 0 when None.
        """
        highest = "heatmap_max" if "heatmap_max" in self.extras else "confidence"
        ids = self._ids_in_blocks("f8")
        com = com_variables(self._array_in_blocks("com"), self._ids_in_blocks("i8"))
        twins = [
            Twin(
                pose_file_name(start=start or 0, initial=initial),
                pose_variables(
                    self._array_in_blocks(positions), self._array_in_blocks(highest), ids
                ),
            )
            for initial, positions in ((False, "positions"), (True, "initial"))
            if positions in ("positions", *self.extras)
        ]
        return (twins[0], Twin(COM_USED, com), *twins[1:])

    def _array_in_blocks(self, name: str) -> MomentBlocks:
        spec = next(spec for spec in self._arrays.specs if spec.name == name)
        return self._in_blocks(partial(self._arrays.read, name), spec.shape)


def arrays_of(chunk: Any) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a chunk that are there, by name."""
    pairs = ((each.name, getattr(chunk, each.name)) for each in fields(chunk))
    return {name: value for name, value in pairs if value is not None}
