"""A camera's clock is found as it was made, whatever the frames' way to the computer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.capture.clock import ClockFit, fit_clock
from napari_sdannce.capture.frame_records import NONE

START = 1_796_000_000 * 10**9
FASTEST_NS = 4_000_000


def arrivals(
    n: int, fps: float, ppm: float, rng: np.random.Generator, usual_ns: float = 300_000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of exposures by the host, by a camera that is slow by so much, and of arrivals."""
    true = START + np.rint(np.arange(n) * 1e9 / fps).astype(np.int64)
    camera = 7_000_000_000_000 + np.rint((true - START) / (1 + ppm * 1e-6)).astype(np.int64)
    late = rng.exponential(usual_ns, n) + (rng.random(n) < 0.01) * rng.uniform(0, 50e6, n)
    host = np.maximum.accumulate(true + FASTEST_NS + late.astype(np.int64))
    return true, camera, host


@given(
    ppm=st.floats(-200, 200),
    n=st.integers(2_000, 20_000),
    fps=st.sampled_from([30.0, 100.0, 59.94]),
)
def test_drift_and_exposures_are_found(ppm: float, n: int, fps: float) -> None:
    true, camera, host = arrivals(n, fps, ppm, np.random.default_rng(n))
    fit = fit_clock(camera, host)
    assert fit.source == "camera"
    seconds = n / fps
    assert abs(fit.drift_ppm - ppm) < 30 / seconds
    error = fit.to_host(camera, host) - true - FASTEST_NS
    assert np.abs(error).max() < 60_000
    assert fit.jitter_ns == pytest.approx(300_000 * np.log(2), rel=0.2)
    assert fit.late_ns > 5 * fit.jitter_ns


def test_single_wrong_times_do_no_harm() -> None:
    true, camera, host = arrivals(5_000, 100, 40, np.random.default_rng(0))
    host = host.copy()
    host[[700, 2_100, 4_000]] -= 3_000_000_000
    fit = fit_clock(camera, host)
    assert fit.drift_ppm == pytest.approx(40, abs=1)
    assert np.abs(fit.to_host(camera, host) - true - FASTEST_NS).max() < 60_000


def test_frames_without_a_camera_time_keep_that_of_their_arrival() -> None:
    _, camera, host = arrivals(1_000, 100, 10, np.random.default_rng(1))
    camera[500] = NONE
    fit = fit_clock(camera, host)
    assert fit.source == "camera"
    assert fit.n_frames == 999
    assert fit.to_host(camera, host)[500] == host[500]


@pytest.mark.parametrize(
    ("camera", "told"),
    [
        (np.full(100, NONE), "only 0 frames"),
        (np.zeros(100, np.int64), "stands still"),
        (np.concatenate([np.arange(50), np.arange(50)]) * 10_000_000, "goes back"),
        (np.arange(100) * 10_000, "speed"),
        (np.arange(100) * 1_200_000_000, "speed"),
    ],
)
def test_clocks_that_can_not_be_used_are_told(camera: np.ndarray, told: str) -> None:
    host = START + np.arange(100) * 10_000_000
    fit = fit_clock(camera, host)
    assert fit.source == "host"
    assert told in fit.trouble
    np.testing.assert_array_equal(fit.to_host(camera, host), host)


def test_few_frames_are_no_error() -> None:
    nothing = np.empty(0, np.int64)
    assert fit_clock(nothing, nothing) == ClockFit(
        "host", trouble="only 0 frames have a time of the camera"
    )
