"""The COM trace as pose networks take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import ValidationError

from napari_sdannce.inference.dannce import predict_dannce
from napari_sdannce.models import CheckpointInfo, DannceConfig, build_network, save_checkpoint
from napari_sdannce.predictions import ComTrace, PoseStore, Reason
from napari_sdannce.predictions.com_repair import usable_trace
from napari_sdannce.settings import DanncePredictSettings, VolumeSettings

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = np.arange(100, 112)


def settings(**changes: object) -> DanncePredictSettings:
    return DanncePredictSettings(checkpoint="x.safetensors", **changes)


def trace_of(x: list[float], ids: np.ndarray = RECORDED) -> ComTrace:
    positions = np.repeat(np.array(x)[:, None, None], 3, axis=2)
    return ComTrace(positions, np.ones((len(x), 1)), ids)


def x_of(trace: ComTrace, wanted: np.ndarray = RECORDED, **how: object) -> list[float]:
    found = usable_trace(trace, RECORDED, wanted, settings(**how)).trace
    return [None if np.isnan(x) else round(float(x), 6) for x in found.positions[:, 0, 0]]


def test_gaps_are_filled_wherever_the_prediction_begins() -> None:
    # of the twelve recorded moments, the trace lacks 103 and 104, as the reference's files do
    ids = np.setdiff1d(RECORDED, [103, 104])
    trace = trace_of([float(i - 100) for i in ids], ids)
    assert x_of(trace) == list(range(12))
    assert x_of(trace, RECORDED[4:6]) == [4, 5]
    assert x_of(trace, com_gap=1)[2:6] == [2, None, None, 5]
    assert x_of(trace, np.array([103, 5000])) == [3, None]


def test_medians() -> None:
    x = [10.0, 11, 12, 99, 14, 15, 16, 17, 18, 19, 20, 21]
    assert x_of(trace_of(x), com_median=3) == [10.5, 11, 12, 14, 15, 15, 16, 17, 18, 19, 20, 20.5]
    reference = x_of(trace_of(x), com_median=3, com_median_reference=True)
    assert reference[:3] == [10, 11, 12]
    assert reference[-1] == 20  # the middle of 20, 21 and a zero beyond the end
    with pytest.raises(ValidationError, match="com_median_reference needs com_median"):
        settings(com_median_reference=True)


def test_what_is_beyond_the_limit_is_told_apart() -> None:
    x = [1.0, 2, 400, 4, 5, 500, 500, 500, 9, np.nan, np.nan, 12]
    found = usable_trace(trace_of(x), RECORDED, RECORDED[2:], settings(com_limit_mm=300, com_gap=2))
    np.testing.assert_array_equal(
        found.trace.positions[:, 0, 0], [3, 4, 5, np.nan, np.nan, np.nan, 9, 10, 11, 12]
    )
    # the one moment that a straight line replaces is not missing
    assert np.flatnonzero(found.outside[:, 0]).tolist() == [3, 4, 5]


def test_reasons_in_the_store(disc_scene, tmp_path: Path) -> None:
    volume = VolumeSettings(voxels=16, size_mm=120)
    network = build_network(DannceConfig(n_views=4, n_keypoints=4, width=1), 0)
    info = CheckpointInfo(network=network.config, volume=volume)
    checkpoint = save_checkpoint(tmp_path / "net.safetensors", network, info)
    coms = disc_scene.com.copy()
    coms[1, 0] = 999
    coms[2] = np.nan
    coms[5:, 1] = np.nan
    trace = ComTrace(coms, np.ones(coms.shape[:2]), np.arange(len(coms)))
    how = DanncePredictSettings(
        checkpoint=checkpoint, output=tmp_path / "out", count=8, com_limit_mm=500, com_gap=0,
        device="cpu",
    )  # fmt: skip
    for _ in predict_dannce(disc_scene.recording, how, trace):
        pass
    reasons = PoseStore.open(tmp_path / "out/poses.zarr").read().reasons
    assert reasons is not None
    expected = np.zeros((8, 2), dtype=int)
    expected[1, 0] = Reason.OUTSIDE
    expected[2] = expected[5:, 1] = Reason.NO_COM
    np.testing.assert_array_equal(reasons, expected)
