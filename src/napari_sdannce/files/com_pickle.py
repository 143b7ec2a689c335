"""``com3d.pickle``: the COM of every pair of cameras, and how they become one position."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from .errors import FileFormatError
from .pickled_arrays import PickledArray, PickleError
from .plain_pickle import load_plain_pickle

if TYPE_CHECKING:
    from pathlib import Path

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

EXPECTED = "a COM pickle of DANNCE: a dict of moments with cameras and 'triangulation'"
_MAX_CAMERAS = 200
_DOUBLE = np.dtype("<f8")
_NOWHERE = np.full(3, np.nan, dtype=_DOUBLE).tobytes()


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How the positions of all pairs of cameras become one.

    Parameters
    ----------
    threshold
        Pairs count when the confidence of both cameras is above it (the reference's ``comthresh``).
    method
        ``median`` or ``mean`` over the pairs.
    weighted
        Mean weighted by the product of both confidences, in place of `method`.
    """

    threshold: float = 0.0
    method: Literal["median", "mean"] = "median"
    weighted: bool = False


def read_com_pickle(path: Path, aggregation: Aggregation) -> tuple[FloatArray, IntArray]:
    """Read positions (T, A, 3) in mm and their keys (T,), in the order of the file.

    Files of several animals hold one position an animal, which is taken as it stands.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not a COM pickle, or holds more than plain data.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    try:
        moments = load_plain_pickle(content)
        if not isinstance(moments, dict) or not moments:
            raise ValueError(f"it holds {type(moments).__name__}, no moments")
        return _positions(moments, aggregation, len(content))
    except PickleError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    except ValueError as error:
        raise FileFormatError(path, str(error), EXPECTED) from error
    except MemoryError as error:
        raise FileFormatError(path, "it needs more memory than there is", EXPECTED) from error


def _positions(
    moments: dict[Any, Any], aggregation: Aggregation, n_bytes: int
) -> tuple[FloatArray, IntArray]:
    sample_ids = np.array([_sample_id(key) for key in moments], dtype=np.int64)
    first = next(iter(moments.values()))
    triangulation = _part(first, "triangulation")
    if "instances" in triangulation:
        n_animals = len(_instances(triangulation))
        _check_size(len(moments) * n_animals, n_bytes)
        found = [_instances(_part(moment, "triangulation")) for moment in moments.values()]
        if any(len(each) != n_animals for each in found):
            raise ValueError("its moments have different numbers of animals")
        return _points([each for several in found for each in several], n_animals), sample_ids
    cameras = [name for name in first if name != "triangulation"]
    if len(cameras) > _MAX_CAMERAS:
        raise ValueError(f"it has {len(cameras)} cameras")
    pairs = [(f"{a}_{b}", f"{b}_{a}") for a, b in combinations(cameras, 2)]
    _check_size(len(moments) * len(pairs), n_bytes)
    places: list[Any] = []
    confidence = np.full((len(moments), len(cameras)), np.nan)
    for t, moment in enumerate(moments.values()):
        of_pair = _part(moment, "triangulation").get
        places += [
            of_pair(pair) if pair in triangulation else of_pair(turned) for pair, turned in pairs
        ]
        confidence[t] = [_number(_part(moment, name).get("pred_max")) for name in cameras]
    points = _points(places, len(pairs))
    return aggregate(points, confidence, aggregation)[:, None], sample_ids


def aggregate(points: FloatArray, confidence: FloatArray, how: Aggregation) -> FloatArray:
    """Combine the positions of all pairs of V cameras.

    Parameters
    ----------
    points
        (T, P, 3) mm, one position a pair of cameras, pairs as `itertools.combinations` has them.
    confidence
        (T, V) maximum of each camera's heatmap.
    how
        Which pairs count, and how.

    Returns
    -------
    (T, 3) mm, NaN where no pair counts.
    """
    first, second = np.triu_indices(confidence.shape[1], 1)
    with np.errstate(invalid="ignore"):
        kept = (confidence[:, first] > how.threshold) & (confidence[:, second] > how.threshold)
    kept = kept[..., None] & np.isfinite(points)
    values = np.where(kept, points, np.nan)
    some: npt.NDArray[np.bool_] = np.asarray(kept.any(axis=1))
    result = np.full((len(points), 3), np.nan)
    if how.weighted:
        weights = np.where(kept, (confidence[:, first] * confidence[:, second])[..., None], 0.0)
        total = weights.sum(axis=1)
        sums = (np.where(kept, points, 0.0) * weights).sum(axis=1)
        np.divide(sums, total, out=result, where=some & (total != 0))
        return result
    middle = np.nanmedian if how.method == "median" else np.nanmean
    whole = some.all(axis=1)
    result[whole] = middle(values[whole], axis=1)
    return result


def _check_size(count: int, n_bytes: int) -> None:
    """Every position takes bytes in the file; more positions than bytes are repetitions."""
    if count > n_bytes:
        raise ValueError(f"it claims {count} positions in {n_bytes} bytes")


def _sample_id(key: Any) -> int:
    """Key of a moment: ``0_<sampleID>``, older a number."""
    try:
        number = int(key.rsplit("_", 1)[-1]) if isinstance(key, str) else int(key)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"it has a moment {key!r}"[:80] + ", not '0_<sampleID>'") from error
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"it has a moment {str(number)[:40]}, not '0_<sampleID>'")
    return number


def _part(moment: Any, name: str) -> dict[Any, Any]:
    part = moment.get(name) if isinstance(moment, dict) else None
    if not isinstance(part, dict):
        raise ValueError(f"one of its moments has no '{name}'"[:120])
    return part


def _instances(triangulation: dict[Any, Any]) -> list[Any]:
    found = triangulation.get("instances")
    if not isinstance(found, list | tuple) or not found:
        raise ValueError("one of its moments has no animals")
    return list(found)


def _points(values: list[Any], each: int) -> FloatArray:
    """(T, each, 3) mm of T times so many positions; NaN where there is none."""
    content = b"".join([_point(value) for value in values])
    return np.frombuffer(content, dtype="<f8").astype(np.float64).reshape(-1, each, 3)


def _point(value: Any) -> bytes:
    """Three numbers of a position, each as eight bytes."""
    if value is None:
        return _NOWHERE
    if not isinstance(value, PickledArray):
        return _three(value).tobytes()
    if value.kind is None or math.prod(value.kind.shape) != 3:
        raise ValueError("one of its positions has not three coordinates")
    if value.kind.dtype is _DOUBLE or value.kind.dtype == _DOUBLE:
        return value.content
    return _three(value.array().ravel().tolist()).tobytes()


def _three(value: Any) -> npt.NDArray[Any]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError("one of its positions is no array")
    return np.array([_number(each) for each in value], dtype=_DOUBLE)


def _number(value: Any) -> float:
    """Number, or the last of an array of them; NaN when the file has none."""
    if isinstance(value, float):
        return value
    if value is None:
        return np.nan
    if isinstance(value, PickledArray):
        found = value.array().ravel()[-1:]
        value = found[0].item() if found.size and found.dtype.kind in "biuf" else None
        return _number(value)
    if not isinstance(value, int):
        raise ValueError(f"one of its numbers is of type {type(value).__name__}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("one of its numbers is beyond all sense") from error
