"""Poses: 3D positions of keypoints over time, with their confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import xarray

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Poses:
    """3D keypoints of animals over time.

    Parameters
    ----------
    positions
        (T, A, K, 3) mm in the world of the calibration, NaN = missing.
    confidence
        (T, A, K), NaN = not known.
    sample_ids
        (T,) keys of the moments, as in the recording's `Sync`.
    animals, keypoints
        A and K names.
    fps
        Frames a second, None when not known.
    confidence_kind
        What the confidence is: the learned ``probability`` that a keypoint is right, or ``peak``,
        the probability of the likeliest voxel, which tells good from bad and no more. None when not
        known; in a file of the reference it is the raw maximum of the heatmap.

    Raises
    ------
    ValueError
        When the arrays do not fit the names.
    """

    positions: FloatArray
    confidence: FloatArray
    sample_ids: IntArray
    animals: tuple[str, ...]
    keypoints: tuple[str, ...]
    fps: float | None = None
    confidence_kind: Literal["probability", "peak"] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.sample_ids), len(self.animals), len(self.keypoints))
        for what, expected in {"positions": (*shape, 3), "confidence": shape}.items():
            found = getattr(self, what).shape
            if found != expected:
                raise ValueError(f"poses: {what} has shape {found}, expected {expected}")

    def __len__(self) -> int:
        return len(self.sample_ids)

    def to_xarray(self) -> xarray.Dataset:
        """Return a dataset in the layout of the `movement` package.

        ``position`` (time, space, keypoint, individual) in mm and ``confidence`` (time, keypoint,
        individual). Time is in seconds when `fps` is known, else in frames.
        """
        import xarray as xr

        n_frames = len(self)
        time = np.arange(n_frames) / self.fps if self.fps else np.arange(n_frames)
        attributes: dict[str, Any] = {
            "ds_type": "poses",
            "source_software": "napari-sdannce",
            "time_unit": "seconds" if self.fps else "frames",
            "space_unit": "mm",
        }
        if self.fps:
            attributes["fps"] = self.fps
        return xr.Dataset(
            {
                "position": (
                    ("time", "space", "keypoint", "individual"),
                    np.transpose(self.positions, (0, 3, 2, 1)),
                ),
                "confidence": (
                    ("time", "keypoint", "individual"),
                    np.transpose(self.confidence, (0, 2, 1)),
                    {"kind": self.confidence_kind} if self.confidence_kind else {},
                ),
                "sample_id": (("time",), self.sample_ids),
            },
            coords={
                "time": time,
                "space": ["x", "y", "z"],
                "keypoint": list(self.keypoints),
                "individual": list(self.animals),
            },
            attrs=attributes,
        )

    @classmethod
    def from_xarray(cls, dataset: xarray.Dataset) -> Poses:
        """Read a 3D dataset in the layout of the `movement` package.

        Dimension names of older releases (``keypoints``, ``individuals``) are accepted.

        Raises
        ------
        ValueError
            When a variable or dimension is missing or the poses are not in 3D.
        """
        if "position" not in dataset:
            raise ValueError(f"dataset has no 'position', only {sorted(map(str, dataset))}")
        older = {"keypoints": "keypoint", "individuals": "individual"}
        dataset = dataset.rename({old: new for old, new in older.items() if old in dataset.dims})
        needed = ("time", "individual", "keypoint", "space")
        missing = [name for name in needed if name not in dataset["position"].dims]
        if missing:
            raise ValueError(f"'position' lacks the dimensions {missing}")
        if list(dataset["space"].values) != ["x", "y", "z"]:
            raise ValueError(f"poses must be in 3D (x, y, z), got {list(dataset['space'].values)}")
        positions = dataset["position"].transpose(*needed).to_numpy().astype(np.float64)
        if "confidence" in dataset:
            confidence = dataset["confidence"].transpose(*needed[:3]).to_numpy().astype(np.float64)
        else:
            confidence = np.full(positions.shape[:3], np.nan)
        kind = dataset["confidence"].attrs.get("kind") if "confidence" in dataset else None
        if "sample_id" in dataset:
            sample_ids = dataset["sample_id"].to_numpy().astype(np.int64)
        else:
            sample_ids = np.arange(len(positions), dtype=np.int64)
        fps = dataset.attrs.get("fps")
        return cls(
            positions=positions,
            confidence=confidence,
            sample_ids=sample_ids,
            animals=tuple(map(str, dataset["individual"].values)),
            keypoints=tuple(map(str, dataset["keypoint"].values)),
            fps=None if fps is None else float(fps),
            confidence_kind=kind if kind in ("probability", "peak") else None,
        )
