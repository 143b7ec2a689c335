"""The COM trace as pose networks take it: repaired where it is short of something, and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.predictions.com import ComTrace
    from napari_sdannce.settings.base import ComRepairSettings


@dataclass(frozen=True, eq=False)
class UsableTrace:
    """Where to look for poses.

    Parameters
    ----------
    trace
        Of the moments to predict; NaN where there is nothing to look for.
    outside
        (n, A) what of it was left out, as it lay beyond the limit.
    """

    trace: ComTrace
    outside: npt.NDArray[np.bool_]


def usable_trace(
    trace: ComTrace,
    recorded: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64],
    settings: ComRepairSettings,
) -> UsableTrace:
    """Smooth a trace, fill its short gaps, and leave out what lies beyond the limit.

    All of the recording counts, whatever part of it is predicted: so the same moment always has the
    same centre. The reference program's median comes first, as it knows neither gaps nor moments;
    ours last, over what was filled in, too.

    Parameters
    ----------
    trace
        As it was read.
    recorded
        (T,) sample ids of the recording.
    wanted
        (n,) those to predict.
    settings
        How to repair it.
    """
    window = settings.com_median
    if window is not None and settings.com_median_reference:
        trace, window = trace.median_filtered_reference(window), None
    outside = _nowhere(trace)
    if settings.com_limit_mm is not None:
        outside = trace.beyond(settings.com_limit_mm)
        trace = trace.without(outside)
    left_out = _flags_at(trace, outside, wanted)
    whole = trace.at(recorded).filled(settings.com_gap)
    if window is not None:
        whole = whole.median_filtered(window)
    found = whole.at(wanted)
    return UsableTrace(found, left_out & np.isnan(found.positions).any(axis=-1))


def _nowhere(trace: ComTrace) -> npt.NDArray[np.bool_]:
    return np.zeros((len(trace), trace.n_animals), dtype=bool)


def _flags_at(
    trace: ComTrace, flags: npt.NDArray[np.bool_], wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Flags (n, A) at some moments; False where the trace does not reach."""
    found = np.zeros((len(wanted), trace.n_animals), dtype=bool)
    _, rows, places = np.intersect1d(trace.sample_ids, wanted, return_indices=True)
    found[places] = flags[rows]
    return found
