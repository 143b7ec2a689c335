"""A network of one heatmap, from training to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_sdannce.files.com_mat import read_com
from napari_sdannce.inference import predict_com
from napari_sdannce.inference.com_finder import ComFinder
from napari_sdannce.models import (
    CheckpointInfo,
    ComConfig,
    build_network,
    load_checkpoint,
    save_checkpoint,
)
from napari_sdannce.predictions import ComStore, read_com_trace
from napari_sdannce.predictions.com_review import read_review
from napari_sdannce.settings import ComPredictSettings, ComTrainSettings
from napari_sdannce.settings.events import JobDone, Message
from napari_sdannce.training import train_com
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def learned(disc_scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared heatmap, learned for a few seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("shared") / "run"
    settings = ComTrainSettings(
        experiments=[{"folder": disc_scene.folder}],
        output=out,
        width=4,
        steps=90,
        image={"downsample": 2},
        sigma_px=8,
        channels="shared",
        loss="FocalLoss",
        learning_rate=5e-3,
        validation_frames=2,
        validate_every=100,
        augment=False,
        device="cpu",
    )
    for _ in train_com(settings):
        pass
    torch.set_num_threads(threads)
    return out / "checkpoints" / "last.safetensors"


def settings_for(checkpoint: Path, output: Path, **changes: object) -> ComPredictSettings:
    base = {"peak_distance_px": 12, "max_error_px": 10, "chunk": 20, "device": "cpu", **changes}
    return ComPredictSettings(checkpoint=checkpoint, output=output, **base)


def test_animals_are_found_in_one_heatmap(disc_scene, learned: Path, tmp_path: Path) -> None:
    events = list(predict_com(disc_scene.recording, settings_for(learned, tmp_path)))
    positions = read_com_trace(tmp_path).positions
    away = np.linalg.norm(positions[:, :, None] - disc_scene.com[:, None], axis=-1)
    whole = np.isfinite(away).all(axis=(1, 2))
    assert whole.mean() > 0.9
    straight, crossed = away[:, [0, 1], [0, 1]], away[:, [0, 1], [1, 0]]
    error = np.where((straight.sum(1) < crossed.sum(1))[:, None], straight, crossed)[whole]
    assert np.median(error) < 8
    assert np.percentile(error, 95) < 25
    found = ComStore.open(tmp_path / "com.zarr").read()
    assert found.peaks.shape == (48, 4, 2, 2)
    unseen = np.isnan(found.peaks).any(axis=-1)
    assert (found.peak_confidence[unseen] == 0).all()
    np.testing.assert_array_equal(read_com(tmp_path / "com3d.mat").positions, positions)
    # they are elsewhere in every frame: nobody could tell who is who
    swaps = read_review(tmp_path / "com_review.csv")
    assert sum(swap.last - swap.first for swap in swaps) > 20
    assert isinstance(events[-1], JobDone)
    assert str(tmp_path / "com_review.csv") in events[-1].outputs
    said = [event.text for event in events if isinstance(event, Message)]
    assert any(f"; {len(swaps)} stretches where two may be swapped, see " in text for text in said)
    before = (tmp_path / "com_review.csv").read_bytes()
    list(predict_com(disc_scene.recording, settings_for(learned, tmp_path)))
    assert (tmp_path / "com_review.csv").read_bytes() == before


def test_batches_do_not_matter(disc_scene, learned: Path) -> None:
    network = load_checkpoint(learned).com
    image = load_checkpoint(learned).info.image
    assert image is not None
    settings = settings_for(learned, learned)
    finder = ComFinder(
        network, disc_scene.recording.cameras, image, (64, 80), settings, network.config
    )
    with RecordingVideo(disc_scene.recording) as video:
        moments = list(video.frames(range(3)))
    moments[1] = [None, *moments[1][1:]]
    together = finder.find(finder.prepare(moments))
    for i, moment in enumerate(moments):
        alone = finder.find(finder.prepare([moment]))
        np.testing.assert_allclose(alone.positions[0], together.positions[i], atol=1e-2)
    assert np.isnan(together.peak_confidence[1, 0]).all()
    assert np.isfinite(together.peak_confidence[:, 1:]).all()


def test_how_many_animals_a_network_without_names_looks_for(disc_scene, tmp_path: Path) -> None:
    """A reference .pth of one heatmap does not tell."""
    for heatmaps in (1, 2):
        config = ComConfig(n_animals=heatmaps, width=1)
        image = {"downsample": 2}
        info = CheckpointInfo(network=config, image=image)
        save_checkpoint(tmp_path / f"{heatmaps}.safetensors", build_network(config, 0), info)
    three = settings_for(tmp_path / "1.safetensors", tmp_path / "out", n_animals=3, count=2)
    for _ in predict_com(disc_scene.recording, three):
        pass
    store = ComStore.open(tmp_path / "out/com.zarr")
    assert store.job.animals == ("animal1", "animal2", "animal3")
    assert store.job.settings["peak_distance_px"] == 12
    wrong = settings_for(tmp_path / "2.safetensors", tmp_path / "no", n_animals=3)
    with pytest.raises(ValueError, match="a heatmap for each of 2 animals; n_animals 3 needs"):
        list(predict_com(disc_scene.recording, wrong))
