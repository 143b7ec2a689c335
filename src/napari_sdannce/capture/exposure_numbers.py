"""Which exposure each frame of a camera is of, where cameras are triggered together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_sdannce.capture.beat import number_by_time
from napari_sdannce.capture.clock import ClockFit, fit_clock
from napari_sdannce.capture.frame_records import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.frame_records import FrameRecords, IntArray

SLOWEST_LINK_NS = 50_000_000
"""No frame takes this much longer to arrive than one of another camera: it is of another pulse."""


@dataclass(frozen=True, eq=False, slots=True)
class NumberedCamera:
    """The frames of a camera with numbers that all cameras share.

    Parameters
    ----------
    name
        Of the camera.
    records
        All its frames, also those that are in no file.
    number
        (N,) rising number of the pulse that exposed each.
    host_ns
        (N,) time of each exposure by this computer's clock.
    fit
        How the camera's clock goes.
    by
        Whether the numbers are the camera's own count, or counted by time.
    shift
        Pulses that it missed before its first frame, if it counts from there.
    """

    name: str
    records: FrameRecords
    number: IntArray
    host_ns: IntArray
    fit: ClockFit
    by: Literal["count", "time"]
    shift: int = 0

    @property
    def last_number(self) -> int:
        """Number of its last frame."""
        return int(self.number[-1])


def number_camera(
    name: str, records: FrameRecords, period_ns: float, *, count: bool = True
) -> NumberedCamera:
    """Number the frames of a camera that has some.

    Parameters
    ----------
    name, records
        The camera.
    period_ns
        Time between two exposures.
    count
        Whether its own count is taken, if it has one that rises.
    """
    fit = fit_clock(records.camera_ns, records.host_ns)
    host_ns = fit.to_host(records.camera_ns, records.host_ns)
    counted = records.block_id
    if count and (counted != NONE).all() and (np.diff(counted) > 0).all():
        return NumberedCamera(name, records, counted, host_ns, fit, "count")
    return NumberedCamera(name, records, number_by_time(host_ns, period_ns), host_ns, fit, "time")


def align(
    cameras: Sequence[NumberedCamera], period_ns: float
) -> tuple[list[NumberedCamera], list[str]]:
    """Give exposures of the same pulse the same number, and tell which cameras began later.

    Numbers that were counted by time begin at each camera's own first frame, so they move by what
    the times say. A camera's own count begins when it was armed: it only moves when the times say
    so and it is short of as many pulses, or the difference is longer than any frame takes to
    arrive.
    """
    reference = min(cameras, key=lambda camera: int(camera.host_ns[0]))
    moved, told = [], []
    for camera in cameras:
        delay_ns = _delay(camera, reference)
        shift = round(delay_ns / period_ns)
        short = reference.last_number - camera.last_number
        sure = camera.by == "time" or shift == short or abs(delay_ns) > SLOWEST_LINK_NS
        if shift and not sure:
            told.append(_in_doubt(camera, reference, delay_ns, shift))
        moved.append(_moved(camera, shift) if sure else camera)
    least = min(camera.shift for camera in moved)
    moved = [_moved(camera, -least) for camera in moved]
    told += [
        f"{camera.name} missed the first {camera.shift} pulse{'s' if camera.shift > 1 else ''}"
        for camera in moved
        if camera.shift
    ]
    return moved, told


def meet(cameras: Sequence[NumberedCamera], period_ns: float) -> list[NumberedCamera]:
    """Number the frames of cameras that run freely by those of the one that has most of them.

    A frame has the number of that camera's nearest frame; one that is more than half a period from
    all, or farther from it than another one, is left out.
    """
    beat = max(cameras, key=lambda camera: int(camera.records.in_file.sum()))
    return [camera if camera is beat else _met(camera, beat, period_ns) for camera in cameras]


def _met(camera: NumberedCamera, beat: NumberedCamera, period_ns: float) -> NumberedCamera:
    nearest = nearest_of(beat.host_ns, camera.host_ns)
    distance = np.abs(camera.host_ns - beat.host_ns[nearest])
    order = np.lexsort((distance, nearest))
    first = np.unique(nearest[order], return_index=True)[1]
    kept = np.zeros(len(nearest), dtype=bool)
    kept[order[first]] = True
    kept &= distance <= 0.5 * period_ns
    return replace(
        camera,
        records=camera.records.chosen(kept),
        number=beat.number[nearest[kept]],
        host_ns=camera.host_ns[kept],
    )


def nearest_of(values: IntArray, wanted: IntArray) -> IntArray:
    """(M,) place of the nearest of rising values (N,), the earlier of two as near."""
    right = np.minimum(np.maximum(np.searchsorted(values, wanted), 1), len(values) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(wanted - values[left] <= values[right] - wanted, left, right)


def _delay(camera: NumberedCamera, reference: NumberedCamera) -> float:
    """How much later frames of the same numbers are, the median (ns)."""
    _, ours, theirs = np.intersect1d(
        camera.number, reference.number, assume_unique=True, return_indices=True
    )
    if not len(ours):
        return 0.0
    return float(np.median(camera.host_ns[ours] - reference.host_ns[theirs]))


def _moved(camera: NumberedCamera, shift: int) -> NumberedCamera:
    if not shift:
        return camera
    return replace(camera, number=camera.number + shift, shift=camera.shift + shift)


def _in_doubt(
    camera: NumberedCamera, reference: NumberedCamera, delay_ns: float, shift: int
) -> str:
    return (
        f"frames of {camera.name} come {delay_ns / 1e6:.1f} ms later than those of "
        f"{reference.name} with the same number: its link is slower, or it missed the first "
        f"{shift} and its numbers are wrong"
    )
