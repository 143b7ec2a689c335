"""One job in several processes."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.models import (
    CheckpointInfo,
    ComConfig,
    DannceConfig,
    build_network,
    save_checkpoint,
)
from napari_sdannce.predictions import ComStore, ComTrace, PoseStore
from napari_sdannce.settings import (
    ComImageSettings,
    ComPredictSettings,
    DanncePredictSettings,
    VolumeSettings,
)
from napari_sdannce.settings.events import JobDone, Message, Progress

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_sdannce.settings.events import Event

Predict = Callable[..., Any]


@pytest.fixture
def com(disc_scene, tmp_path: Path) -> Predict:
    """Predict centres of mass into a folder of this name, with more settings."""
    network = ComConfig(n_animals=2, width=2)
    info = CheckpointInfo(network=network, image=ComImageSettings(downsample=4))
    weights = save_checkpoint(tmp_path / "weights/com", build_network(network, 0), info)

    def predict(name: str, **more: object) -> Generator[Event, None, None]:
        settings = ComPredictSettings(
            checkpoint=weights, output=tmp_path / name, chunk=4, min_peak=-9, **more
        )
        return predict_com(disc_scene.recording, settings)

    return predict


@pytest.fixture
def dannce(disc_scene, tmp_path: Path) -> Predict:
    """Predict poses into a folder of this name, with more settings."""
    network = DannceConfig(n_views=4, n_keypoints=4, width=2)
    volume = VolumeSettings(voxels=8, size_mm=120)
    info = CheckpointInfo(network=network, volume=volume, keypoints=tuple("abcd"))
    weights = save_checkpoint(tmp_path / "weights/dannce", build_network(network, 0), info)
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))

    def predict(name: str, **more: object) -> Generator[Event, None, None]:
        settings = DanncePredictSettings(
            checkpoint=weights, output=tmp_path / name, chunk=2, batch_size=1, **more
        )
        return predict_dannce(disc_scene.recording, settings, trace)

    return predict


def warnings_in(events: list[Event]) -> list[str]:
    return [e.text for e in events if isinstance(e, Message) and e.level == "warning"]


def test_processes_share_a_job_and_one_may_die(dannce: Predict, tmp_path: Path) -> None:
    list(dannce("one", device="cpu"))
    events: list[Event] = []
    for event in dannce("several", devices="cpu,cpu"):
        if isinstance(event, Progress) and not any(isinstance(e, Progress) for e in events):
            multiprocessing.active_children()[0].kill()
        events.append(event)
    assert isinstance(events[-1], JobDone)
    once, *others = warnings_in(events)
    assert "no probability" in once
    assert others == ["the process on cpu was ended (exit code -9)"]
    progress = [event for event in events if isinstance(event, Progress)]
    assert {event.total for event in progress} == {48}
    one, several = (PoseStore.open(tmp_path / name / "poses.zarr") for name in ("one", "several"))
    assert several.missing_chunks() == ()
    np.testing.assert_array_equal(several.read().positions, one.read().positions)
    for name in ("save_data_AVG0.mat", "com3d_used.mat"):
        one_file, other = (tmp_path / each / name for each in ("one", "several"))
        assert one_file.read_bytes() == other.read_bytes()


def test_work_that_is_left_is_an_error_and_nobody_stays(com: Predict, tmp_path: Path) -> None:
    positions, away = tmp_path / "c/com.zarr/positions", tmp_path / "away"

    def damaged() -> None:
        for event in com("c", device="cpu", workers=2):
            # once: what was being written may make a part of the folder again
            if isinstance(event, Progress) and positions.exists() and not away.exists():
                positions.rename(away)

    with pytest.raises(
        ValueError, match=r"frames are left; the process on cpu failed: .*'positions' is missing"
    ):
        damaged()
    shutil.rmtree(positions, ignore_errors=True)
    away.rename(positions)
    assert ComStore.open(tmp_path / "c/com.zarr").missing_chunks()
    assert not list((tmp_path / "c").glob("*.mat"))
    job = com("c", devices=("cpu", "cpu"))
    next(event for event in job if isinstance(event, Progress))
    job.close()
    assert multiprocessing.active_children() == []


def test_a_device_that_is_not_there(com: Predict) -> None:
    with pytest.raises(ValueError, match="device 'cuda:99' is not there"):
        list(com("c", devices="cpu,cuda:99"))


@pytest.mark.parametrize(
    ("given", "crew"),
    [
        ({}, ()),
        ({"devices": "cuda:0, cuda:1"}, ("cuda:0", "cuda:1")),
        ({"devices": ["cuda:0,cuda:1", "cpu"]}, ("cuda:0", "cuda:1", "cpu")),
        ({"device": "cuda", "workers": 2}, ("cuda", "cuda")),
        ({"devices": "cpu,mps", "workers": 2}, ("cpu", "mps", "cpu", "mps")),
    ],
)
def test_a_process_for_each_device(given: dict[str, object], crew: tuple[str, ...]) -> None:
    settings = ComPredictSettings(checkpoint="net.safetensors", **given)
    assert settings.crew == crew
    assert settings.own_device == ("cpu" if crew else "auto")


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="expected auto, cpu, mps, cuda"):
        ComPredictSettings(checkpoint="net.safetensors", devices="cpu,gpu0")
