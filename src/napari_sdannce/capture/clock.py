"""The clock of a camera against the one of this computer.

A frame arrives later than it was exposed, by reading out and a bus that is busy at times, and never
earlier. So the clocks are compared by the frames that came soonest, in windows over the whole
recording (lower envelope), through which a line goes that does not mind single odd windows
(Theil and Sen).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from napari_sdannce.capture.frame_records import NONE

if TYPE_CHECKING:
    from napari_sdannce.capture.frame_records import IntArray

FloatArray = npt.NDArray[np.float64]

WINDOWS = 100
"""Parts of a recording of which each gives the frame that came soonest."""
FEWEST = 8
"""Frames by which two clocks can be compared."""
MOST_DRIFT = 0.01
"""Clocks that differ by more do not run in nanoseconds: 10 000 ppm, where quartz has 50."""


@dataclass(frozen=True, slots=True)
class ClockFit:
    """Which time of this computer a time of a camera is: ``host = a * camera + b``.

    Parameters
    ----------
    source
        "camera": times come from the camera's clock. "host": it has none that can be used, and
        frames are taken to be exposed when they arrived.
    camera_ns, host_ns
        A point of the line: the fastest arrival near the beginning.
    drift_ppm
        Parts in a million by which the camera's clock is slow: ``a = 1 + drift_ppm / 1e6``.
    jitter_ns
        How much later than the fastest frames the others come, median.
    late_ns
        The same of all but the latest hundredth.
    n_frames
        Frames compared.
    trouble
        Why the camera's clock is not used; empty when it is.
    """

    source: Literal["camera", "host"]
    camera_ns: int = 0
    host_ns: int = 0
    drift_ppm: float = 0.0
    jitter_ns: float = 0.0
    late_ns: float = 0.0
    n_frames: int = 0
    trouble: str = ""

    def to_host(self, camera_ns: IntArray, host_ns: IntArray) -> IntArray:
        """(N,) host times of exposures, all by the same fastest way (ns)."""
        if self.source == "host":
            return host_ns
        since = camera_ns - self.camera_ns
        drift = np.rint(since * (self.drift_ppm * 1e-6)).astype(np.int64)
        return np.where(camera_ns == NONE, host_ns, self.host_ns + since + drift)


def fit_clock(camera_ns: IntArray, host_ns: IntArray) -> ClockFit:
    """Compare the clocks.

    Parameters
    ----------
    camera_ns
        (N,) times of frames by the camera; -1 (none) is left out.
    host_ns
        (N,) times of their arrival.

    Returns
    -------
    The fit; one that takes the times of arrival where the camera's clock is not there, stands
    still, goes back or does not run in nanoseconds.
    """
    there = camera_ns != NONE
    camera, host = camera_ns[there], host_ns[there]
    trouble = _unusable(camera)
    if trouble:
        return ClockFit("host", n_frames=len(camera), trouble=trouble)
    x, delay = (camera - camera[0]).astype(np.float64), (host - camera).astype(np.float64)
    delay -= delay[0]
    slope, height = _line_below(x, delay)
    if abs(slope) > MOST_DRIFT:
        trouble = f"it runs at {1 / (1 + slope):.3g} of the speed of this computer's"
        return ClockFit("host", n_frames=len(camera), trouble=trouble)
    over = delay - (slope * x + height)
    return ClockFit(
        "camera",
        camera_ns=int(camera[0]),
        host_ns=int(host[0]) + round(height),
        drift_ppm=1e6 * slope,
        jitter_ns=float(np.median(over)),
        late_ns=float(np.percentile(over, 99)),
        n_frames=len(camera),
    )


def _unusable(camera: IntArray) -> str:
    if len(camera) < FEWEST:
        return f"only {len(camera)} frames have a time of the camera"
    if camera[0] == camera[-1]:
        return "it stands still"
    if (np.diff(camera) <= 0).any():
        return "it goes back"
    return ""


def _line_below(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope and height at 0 of the line along the lower edge of points, (N,) each."""
    slope = 0.0
    for _ in range(2):  # where the first one is, is seen better along the second
        lowest = _lowest(x, y - slope * x)
        slope = _slope(x[lowest], y[lowest])
    return slope, float(np.median(y[lowest] - slope * x[lowest]))


def _lowest(x: FloatArray, y: FloatArray) -> IntArray:
    """Number of the lowest point in each window."""
    edges = np.linspace(0, len(x), min(WINDOWS, max(2, len(x) // 10)) + 1).astype(int)
    return np.array([a + int(np.argmin(y[a:b])) for a, b in pairwise(edges)])


def _slope(x: FloatArray, y: FloatArray) -> float:
    """Median of the slopes between all pairs."""
    i, j = np.triu_indices(len(x), 1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])))
