"""What a prediction store was made for: enough to tell whether another run is the same job."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from napari_sdannce.files.errors import FileFormatError

from .array_specs import IDS_CHUNK
from .chunks import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

SCHEMA_VERSION = 1
ATTRIBUTE = "napari_sdannce"
_HASHES = {
    "weights": "by another network",
    "settings.com": "from another COM trace",
    "settings.calibration": "with another calibration, or another pixel_origin",
    "settings.sync": "with another sync of the cameras",
}


class Reason(IntEnum):
    """Why an animal has no position at a moment. The value is what the store holds."""

    NONE = 0
    """It has one."""
    NO_COM = 1
    """No centre of mass is known there."""
    OUTSIDE = 2
    """The centre of mass lies outside what was allowed."""
    UNREADABLE_FRAME = 3
    """The frames of too many cameras could not be read."""
    NOT_SEEN = 4
    """Too few cameras saw the animal."""


ConfidenceKind = Literal["probability", "peak"]
"""Confidence of poses: the learned probability that a keypoint is right, or the probability of the
likeliest voxel, which tells good from bad and no more."""


class OtherJobError(ValueError):
    """A store was made for another job."""


class Job(BaseModel):
    """What a store was made for.

    Everything that decides the result belongs in `settings`; device, batch size, number of workers
    and paths do not, or a job could not be resumed elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    animals: tuple[str, ...] = Field(min_length=1)
    keypoints: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    skeleton: str | None = None
    fps: float | None = Field(None, gt=0)
    recording: str | None = Field(None, description="Name of the recording, no path")
    confidence: ConfidenceKind | None = Field(
        None, description="What the confidence of poses is; it does not tell jobs apart"
    )
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    weights: str | None = Field(None, description="Hash of the network's weights")
    software: str | None = Field(None, description="Version of the program, set by the store")

    def difference(self, other: Job) -> str | None:
        """Say the first thing that makes `other` another job, None when it is the same one."""
        # another network may have other settings: what a person changed comes first
        for name in ("animals", "keypoints", "cameras", "skeleton", "weights", "settings"):
            found = _difference(name, getattr(self, name), getattr(other, name))
            if found:
                return found
        return None


class StoreAttributes(BaseModel):
    """The attributes of a store's Zarr group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["poses", "com"]
    schema_version: Literal[1] = 1
    n_moments: int = Field(ge=1)
    chunk: int = Field(ge=1)
    extras: tuple[str, ...] = ()
    job: Job


def read_attributes(path: Path) -> Any:
    """Read the attributes of a Zarr group, whatever they are.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    FileFormatError
        When it is not a Zarr group.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    head = path / "zarr.json"
    try:
        content = json.loads(head.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileFormatError(path, "it has no zarr.json", EXPECTED) from error
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(head, f"not readable: {error}", EXPECTED) from error
    if not isinstance(content, dict) or content.get("node_type") != "group":
        raise FileFormatError(head, "it is not a Zarr group", EXPECTED)
    return content.get("attributes")


def read_store_attributes(path: Path) -> StoreAttributes:
    """Read and check what a store says of itself.

    Raises
    ------
    FileNotFoundError
        When there is no such folder.
    FileFormatError
        When it is not a store of ours, or of another schema version.
    """
    attributes = read_attributes(path)
    if not isinstance(attributes, dict) or ATTRIBUTE not in attributes:
        raise FileFormatError(path, "a Zarr group of another program", EXPECTED)
    try:
        return StoreAttributes.model_validate(attributes[ATTRIBUTE])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        found = f"attribute '{where}' is not valid: {first['msg']}, got {str(first['input'])[:80]}"
        raise FileFormatError(path, found, f"{EXPECTED} of version {SCHEMA_VERSION}") from error


def check_same_job(path: Path, stored: Job, wanted: Job) -> None:
    """Raise `OtherJobError`, naming the difference, when a store was made for another job."""
    difference = stored.difference(wanted)
    if difference:
        raise OtherJobError(
            f"{path} was made for another job: {difference}; choose another folder with 'output', "
            "or delete this one"
        )


def check_same_moments(
    path: Path,
    stored: Callable[[range], npt.NDArray[np.int64]],
    n_stored: int,
    wanted: npt.NDArray[np.int64],
) -> None:
    """Raise `OtherJobError` when a store was made for other moments; `stored` reads some."""
    if n_stored != len(wanted):
        raise OtherJobError(
            f"{path} was made for {n_stored} moments, not {len(wanted)}; choose another folder "
            "with 'output', or delete this one"
        )
    for start in range(0, n_stored, IDS_CHUNK):
        some = range(start, min(start + IDS_CHUNK, n_stored))
        there, here = stored(some), wanted[some.start : some.stop]
        differing = np.flatnonzero(there != here)
        if len(differing):
            i = int(differing[0])
            raise OtherJobError(
                f"{path} was made for other moments: sample id {there[i]} at place {start + i}, "
                f"not {here[i]}; choose another folder with 'output', or delete this one"
            )


def _difference(name: str, stored: Any, wanted: Any) -> str | None:
    if stored == wanted:
        return None
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in [*stored, *(key for key in wanted if key not in stored)]:
            found = _difference(f"{name}.{key}", stored.get(key), wanted.get(key))
            if found:
                return found
    if name in _HASHES:
        return f"it was predicted {_HASHES[name]}"
    return f"{name} is {_short(stored)} there, {_short(wanted)} here"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
