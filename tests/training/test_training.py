from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import yaml

from napari_sdannce.models import CheckpointError, build_network, load_checkpoint
from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings, ExperimentSettings
from napari_sdannce.settings.events import (
    CheckpointSaved,
    EpochDone,
    JobDone,
    Message,
    TrainingStep,
)
from napari_sdannce.training import Experiment, open_experiment, train_com, train_dannce

if TYPE_CHECKING:
    from pathlib import Path

TINY = {"volume": {"voxels": 16, "size_mm": 120}, "width": 2, "com_jitter_mm": 8.0}


def tiny(disc_scene, **changes: object) -> DannceTrainSettings:
    base = {"experiments": [{"folder": disc_scene.folder}], "device": "cpu", "batch_size": 8}
    return DannceTrainSettings.model_validate({**base, **TINY, **changes})


def test_run_folder_and_events(disc_scene, tmp_path: Path) -> None:
    settings = tiny(disc_scene, output=tmp_path / "run", epochs=2, validation_frames=6)
    events = list(train_dannce(settings))
    steps = [event for event in events if isinstance(event, TrainingStep)]
    # 48 frames less two stretches of three and the four beside them, two animals, eight a step
    assert [event.step for event in steps] == list(range(1, 21))
    assert all(event.total == 20 and math.isfinite(event.loss) for event in steps)
    epochs = [event for event in events if isinstance(event, EpochDone)]
    names = {"L1Loss", "euclidean_distance_3D"}
    assert set(epochs[0].metrics) == {f"{s}_{n}" for s in ("train", "val") for n in names}
    assert any(isinstance(event, CheckpointSaved) for event in events)
    assert isinstance(events[-1], JobDone)
    assert any(
        isinstance(event, Message)
        and "76 labelled poses train, 12 validate, 8 do neither (beside" in event.text
        for event in events
    )

    run = tmp_path / "run"
    assert (
        DannceTrainSettings.model_validate(yaml.safe_load((run / "config.yaml").read_text()))
        == settings
    )
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    rows = list(csv.reader((run / "training.csv").read_text().splitlines()))
    assert rows[0] == ["Epoch", "train_L1Loss", "train_euclidean_distance_3D", "val_L1Loss",
                       "val_euclidean_distance_3D"]  # fmt: skip
    assert float(rows[2][3]) == pytest.approx(epochs[1].metrics["val_L1Loss"])

    saved = load_checkpoint(run / "checkpoints" / "last.safetensors")
    assert saved.info.keypoints == ("nose", "left", "right", "tail")
    assert saved.info.cameras == disc_scene.recording.names
    assert saved.info.volume == settings.volume
    assert saved.info.epoch == 2
    assert saved.info.pixel_origin == "matlab"
    with pytest.raises(FileExistsError, match="is not empty; choose another"):
        list(train_dannce(settings))


def test_seed_decides_everything(disc_scene, tmp_path: Path) -> None:
    def run(name: str, seed: int) -> tuple[list[float], dict[str, torch.Tensor]]:
        settings = tiny(disc_scene, output=tmp_path / name, steps=6, seed=seed)
        losses = [e.loss for e in train_dannce(settings) if isinstance(e, TrainingStep)]
        weights = load_checkpoint(tmp_path / name / "checkpoints/last.safetensors")
        return losses, weights.network.state_dict()

    torch.manual_seed(99)
    first, weights = run("a", 1)
    torch.manual_seed(7)
    np.random.seed(3)  # noqa: NPY002  the global generator must not matter
    second, same = run("b", 1)
    other, _ = run("c", 2)
    assert first == second
    assert first != other
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_steps_replace_epochs_and_size_falls(disc_scene, tmp_path: Path) -> None:
    settings = tiny(disc_scene, output=tmp_path / "run", steps=15, epochs=1000, validate_every=2)
    events = list(train_dannce(settings))
    assert max(e.step for e in events if isinstance(e, TrainingStep)) == 15
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    assert "val_L1Loss" not in lines[0]
    assert lines[1]["learning_rate"] == pytest.approx(0.01 * settings.learning_rate)


def test_start_from_other_weights(disc_scene, tmp_path: Path) -> None:
    first = tiny(disc_scene, output=tmp_path / "a", steps=3)
    list(train_dannce(first))
    start = tmp_path / "a/checkpoints/last.safetensors"
    settings = tiny(
        disc_scene, output=tmp_path / "b", steps=1, start_from=start, learning_rate=1e-12
    )
    list(train_dannce(settings))
    a, b = (load_checkpoint(p).network.state_dict()
            for p in (start, tmp_path / "b/checkpoints/last.safetensors"))  # fmt: skip
    assert all(torch.allclose(a[name], b[name], atol=1e-6) for name in a)
    fresh = build_network(load_checkpoint(start).info.network, 0).state_dict()
    assert not all(torch.allclose(a[name], fresh[name], atol=1e-6) for name in a)
    com = ComTrainSettings(experiments=settings.experiments, start_from=start)
    with pytest.raises(
        CheckpointError, match="holds a dannce network, which can not be the start of"
    ):
        list(train_com(com))
    assert not (tmp_path / "c").exists()


def test_fewer_views_than_cameras(disc_scene, tmp_path: Path) -> None:
    settings = tiny(
        disc_scene, output=tmp_path / "run", steps=1, views="without_replacement", n_views=3
    )
    list(train_dannce(settings))
    assert load_checkpoint(tmp_path / "run/checkpoints/last.safetensors").dannce.config.n_views == 3
    with pytest.raises(ValueError, match="n_views 5 can not be drawn without replacement from 4"):
        list(train_dannce(tiny(disc_scene, views="without_replacement", n_views=5)))


def test_mono_network(disc_scene, tmp_path: Path) -> None:
    settings = tiny(disc_scene, output=tmp_path / "run", steps=1, mono=True)
    list(train_dannce(settings))
    config = load_checkpoint(tmp_path / "run/checkpoints/last.safetensors").dannce.config
    assert (config.n_views, config.channels_per_view) == (4, 1)


def test_com_run(disc_scene, tmp_path: Path) -> None:
    settings = ComTrainSettings(
        experiments=[{"folder": disc_scene.folder}],
        output=tmp_path / "run",
        width=2,
        image={"downsample": 2},
        steps=4,
        validation_frames=2,
        device="cpu",
    )
    events = list(train_com(settings))
    metrics = [event for event in events if isinstance(event, EpochDone)][-1].metrics
    assert set(metrics) == {"train_MSELoss", "train_peak_distance_px", "val_MSELoss",
                            "val_peak_distance_px"}  # fmt: skip
    saved = load_checkpoint(tmp_path / "run/checkpoints/best.safetensors")
    assert saved.info.animals == ("white", "black")
    assert saved.info.image == settings.image


def test_a_stopped_training_keeps_its_weights(disc_scene, tmp_path: Path) -> None:
    settings = tiny(disc_scene, output=tmp_path / "run", steps=100, validate_every=100)
    job = train_dannce(settings)
    stopped_at = next(e.step for e in job if isinstance(e, TrainingStep) and e.step == 13)
    job.close()
    last = load_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    assert (last.info.epoch, stopped_at) == (1, 13)
    start = build_network(last.info.network, settings.seed).state_dict()
    assert not torch.equal(
        last.network.state_dict()["output_layer.weight"], start["output_layer.weight"]
    )


def test_a_training_that_does_not_begin_leaves_nothing(disc_scene, tmp_path: Path) -> None:
    settings = tiny(disc_scene, output=tmp_path / "run", steps=100)
    job = train_dannce(settings)
    assert any(isinstance(event, Message) for event in job)  # all is read
    job.close()
    assert list(tmp_path.iterdir()) == []
    crop = ComTrainSettings(
        experiments=[{"folder": disc_scene.folder}],
        output=tmp_path / "run",
        image={"crop_rows": (500, 600)},
    )
    with pytest.raises(
        ValueError, match=r"crop_rows \(500, 600\) lies outside of frames of 128 px"
    ):
        list(train_com(crop))
    assert list(tmp_path.iterdir()) == []
    everything = tiny(disc_scene, output=tmp_path / "run", split="reference", validation_frames=48)
    with pytest.raises(ValueError, match="experiment: nothing to learn from: all validate"):
        list(train_dannce(everything))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "run").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="run is a file, expected a folder"):
        list(train_dannce(settings))


def test_weights_beyond_hope(disc_scene, tmp_path: Path) -> None:
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    far = replace(experiment.labels, points_3d=np.full_like(experiment.labels.points_3d, 3e38))
    broken = Experiment(experiment.recording, far, experiment.coms)
    job = train_dannce(tiny(disc_scene, output=tmp_path / "run", steps=100), [broken])
    with pytest.raises(ValueError, match=r"run: the loss has been inf for 10 .*learning_rate than"):
        list(job)


def test_runs_are_registered(disc_scene, tmp_path: Path) -> None:
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    recording = replace(experiment.recording, folder=tmp_path / "exp")
    moved = Experiment(recording, experiment.labels, experiment.coms)
    list(train_dannce(tiny(disc_scene, output=tmp_path / "a", steps=1), [moved]))
    assert not (tmp_path / "exp").exists()
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/sdannce.yaml").write_text("fps: 25  # nominal\n")
    list(train_dannce(tiny(disc_scene, steps=1), [moved]))
    halves = [
        Experiment.of(recording, experiment.labels.select_frames(rows))
        for rows in (range(24), range(24, 48))
    ]
    list(train_dannce(tiny(disc_scene, output=tmp_path / "b", steps=1), halves))
    text = (tmp_path / "exp/sdannce.yaml").read_text()
    assert text == "fps: 25  # nominal\nruns:\n- DANNCE/train\n- ../b\n"


@pytest.mark.gpu
def test_a_gpu_learns(disc_scene, tmp_path: Path) -> None:
    settings = tiny(disc_scene, output=tmp_path / "run", steps=60, device="cuda", width=8)
    losses = [e.loss for e in train_dannce(settings) if isinstance(e, TrainingStep)]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


def test_nothing_to_learn_from() -> None:
    for job, settings in ((train_com, ComTrainSettings()), (train_dannce, DannceTrainSettings())):
        with pytest.raises(ValueError, match="the settings name no experiments"):
            list(job(settings))
