"""Options of training: going on exactly, stopping, averages, and what a run leaves behind."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from napari_sdannce.models import CheckpointError, load_checkpoint
from napari_sdannce.settings import (
    ComTrainSettings,
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.events import EpochDone, Message, TrainingStep
from napari_sdannce.training import open_experiment, train_com, train_dannce
from napari_sdannce.training.resume import continue_training
from napari_sdannce.training.run_folder import RunFolder
from napari_sdannce.training.schedules import schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_sdannce.settings.events import Event

TINY = {"volume": {"voxels": 16, "size_mm": 120}, "width": 2, "com_jitter_mm": 8.0}
FEW_VOXELS = {"voxels": 8, "size_mm": 120}
GRAPH = {"hidden": 4, "layers": 1, "fuse": 4, "dropout": 0.3}
BONES = "BoneLengthLoss:0.5,ref_index=0"


def settings_for(disc_scene: Any, model: Any = DannceTrainSettings, **changes: Any) -> Any:
    base = {"experiments": [{"folder": disc_scene.folder}], "device": "cpu", "batch_size": 8}
    return model.model_validate({**base, **TINY, **changes})


def refining(disc_scene: Any, **changes: Any) -> SdannceTrainSettings:
    values = {
        "losses": ["L1Loss", BONES, "ConsistencyLoss:0.1,copies_per_sample=2"],
        "graph": GRAPH,
        "unlabelled": "none",
        **changes,
    }
    return settings_for(disc_scene, SdannceTrainSettings, **values)


def losses_of(events: Iterable[Event]) -> list[float]:
    return [event.loss for event in events if isinstance(event, TrainingStep)]


def metrics_of(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def weights_of(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return load_checkpoint(run / "checkpoints" / f"{name}.safetensors").network.state_dict()


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(
    disc_scene, tmp_path: Path, average: float | None
) -> None:
    options = {"epochs": 2, "average": average, "clip_gradient": 1.0, "validation_frames": 6}
    options["volume"] = FEW_VOXELS
    whole = losses_of(train_dannce(refining(disc_scene, output=tmp_path / "whole", **options)))
    # stopped in the middle of the second epoch, by closing the generator as Ctrl-C does
    job = train_dannce(refining(disc_scene, output=tmp_path / "cut", **options))
    before = []
    for event in job:
        before += losses_of([event])
        if len(before) == len(whole) - 3:
            break
    job.close()
    after = losses_of(continue_training(tmp_path / "cut"))
    assert before + after == whole
    assert metrics_of(tmp_path / "cut") == metrics_of(tmp_path / "whole")
    ours, theirs = weights_of(tmp_path / "cut"), weights_of(tmp_path / "whole")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_finished_run_goes_on_for_more_epochs(disc_scene, tmp_path: Path) -> None:
    options = {"schedule": "constant", "validation_frames": 0, "volume": FEW_VOXELS}
    settings = settings_for(disc_scene, output=tmp_path / "run", epochs=1, **options)
    first = losses_of(train_dannce(settings))
    more = losses_of(continue_training(tmp_path / "run", epochs=2))
    again = settings_for(disc_scene, output=tmp_path / "whole", epochs=2, **options)
    assert first + more == losses_of(train_dannce(again))
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [1, 2]
    said = [e.text for e in continue_training(tmp_path / "run", steps=1) if isinstance(e, Message)]
    assert "nothing is left to do" in said[-1]


def test_a_discarded_run_leaves_nothing(disc_scene, tmp_path: Path) -> None:
    run = RunFolder.create(refining(disc_scene, output=tmp_path / "new"), tmp_path)
    run.save_array("discs_priors", np.zeros((4, 2)))
    run.discard()
    assert not run.path.exists()


def test_com_training_goes_on_too(disc_scene, tmp_path: Path) -> None:
    values = {
        "experiments": [{"folder": disc_scene.folder}],
        "width": 2,
        "image": {"downsample": 4},
        "device": "cpu",
        "steps": 4,
        "schedule": "constant",
    }
    whole = ComTrainSettings.model_validate({**values, "output": tmp_path / "whole"})
    expected = losses_of(train_com(whole))
    part = whole.model_copy(update={"output": tmp_path / "part", "steps": 2})
    before = losses_of(train_com(part))
    assert before + losses_of(continue_training(tmp_path / "part", steps=4)) == expected


def test_what_was_logged_after_the_saved_state_is_undone(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(train_dannce(settings_for(disc_scene, output=run, epochs=1)))
    # a process that was killed had logged another epoch, and half of a line
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "step": 99, "train_L1Loss": 1.0}\n{"epoch": 3, "st')
    with (run / "training.csv").open("a") as file:
        file.write("2,1.0,1.0,1.0,1.0\n")
    list(continue_training(run, epochs=2))
    assert [line["epoch"] for line in metrics_of(run)] == [1, 2]
    rows = csv.reader((run / "training.csv").read_text().splitlines())
    assert [row[0] for row in rows] == ["Epoch", "1", "2"]


def test_folders_that_can_not_go_on(disc_scene, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run folder, or .* its first checkpoint"):
        list(continue_training(tmp_path))
    run = tmp_path / "run"
    list(train_dannce(settings_for(disc_scene, output=run, steps=1)))
    state = run / "checkpoints" / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"state\.pt: damaged"):
        list(continue_training(run))
    state.unlink()
    with pytest.raises(FileNotFoundError, match="can not go on"):
        list(continue_training(run))


def test_a_file_stops_a_run(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    events = []
    for event in train_dannce(settings_for(disc_scene, output=run, epochs=5)):
        events.append(event)
        if isinstance(event, TrainingStep) and event.step == 3:
            (run / "STOP").touch()
    assert len(losses_of(events)) == 3
    assert any(isinstance(e, Message) and "stopped at step 3" in e.text for e in events)
    assert not (run / "STOP").exists()
    # 40 moments of two animals in eights
    assert len(losses_of(continue_training(run, epochs=1))) == 10 - 3


def test_the_average_is_what_is_saved(disc_scene, tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    for steps in (1, 2, 3):
        options = {"steps": steps, "schedule": "constant", "validation_frames": 0}
        options["volume"] = FEW_VOXELS
        plain = settings_for(disc_scene, output=tmp_path / f"plain{steps}", **options)
        list(train_dannce(plain))
        seen.append(weights_of(tmp_path / f"plain{steps}"))
    averaged = settings_for(
        disc_scene, output=tmp_path / "average", steps=3, schedule="constant", average=0.75,
        validation_frames=0, volume=FEW_VOXELS,
    )  # fmt: skip
    list(train_dannce(averaged))
    name = "output_layer.weight"
    expected = seen[0][name]
    for each in seen[1:]:
        expected = 0.75 * expected + 0.25 * each[name]
    torch.testing.assert_close(weights_of(tmp_path / "average")[name], expected)


def test_training_ends_when_nothing_gets_better(disc_scene, tmp_path: Path) -> None:
    # at so small a rate no validation is better than the first one
    settings = settings_for(
        disc_scene, output=tmp_path / "run", epochs=9, stop_after=2, learning_rate=1e-30,
        volume=FEW_VOXELS,
    )  # fmt: skip
    events = list(train_dannce(settings))
    assert sum(isinstance(event, EpochDone) for event in events) == 3
    assert any(isinstance(e, Message) and "2 validations without" in e.text for e in events)


def test_step_schedule_falls_at_milestones() -> None:
    settings = DannceTrainSettings(schedule="step", milestones=(4, 2), step_factor=0.5)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([weight], lr=1.0)
    rates = schedule(optimiser, settings, total=60, steps_per_epoch=10)
    seen = []
    for _ in range(60):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        rates.step()
    assert seen == [1.0] * 20 + [0.5] * 20 + [0.25] * 20


def test_gradients_are_clipped(disc_scene, tmp_path: Path) -> None:
    # Adam hides the length of gradients, but not when the later ones are much smaller
    outcomes = []
    for name, clip in (("free", None), ("clipped", 1e-3)):
        settings = settings_for(
            disc_scene, output=tmp_path / name, steps=3, clip_gradient=clip, validation_frames=0
        )
        outcomes.append(losses_of(train_dannce(settings)))
    assert outcomes[0][0] == outcomes[1][0]
    assert outcomes[0][1:] != outcomes[1][1:]


def test_sdannce_logs_as_the_reference_does(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(train_dannce(refining(disc_scene, output=run, steps=2, validation_frames=4)))
    with (run / "training.csv").open() as file:
        header = next(csv.reader(file))
    names = ["L1DiffLoss", "BoneLengthLoss", "ConsistencyLoss", "euclidean_distance_3D"]
    assert header == ["Epoch", *(f"train_{n}" for n in names), *(f"val_{n}" for n in names)]
    line = metrics_of(run)[0]
    # there are no copies to compare in validation: nothing, and not NaN, is logged
    assert "val_ConsistencyLoss" not in line
    assert line["train_ConsistencyLoss"] > 0
    saved = load_checkpoint(run / "checkpoints/last.safetensors")
    assert saved.info.network.kind == "sdannce"
    assert saved.info.skeleton == "discs"
    assert saved.pose.config.bones == ((0, 1), (0, 2), (1, 3), (2, 3))


def test_sample_pictures_show_what_is_found(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(train_dannce(settings_for(disc_scene, output=run, steps=1)))
    picture = cv2.imread(str(run / "samples" / "epoch-00001.png"))
    assert picture is not None
    # rings of the labels, in the green that nothing in the scene has
    green = (picture[..., 1] > 200) & (picture[..., 0] < 130) & (picture[..., 2] < 130)
    assert green.sum() > 100


def test_curves_for_tensorboard(disc_scene, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    list(train_dannce(settings_for(disc_scene, output=run, epochs=2, batch_size=32)))
    (written,) = (run / "logs").iterdir()
    events = EventAccumulator(str(written))
    events.Reload()
    found = [each.value for each in events.Scalars("val_euclidean_distance_3D")]
    expected = [line["val_euclidean_distance_3D"] for line in metrics_of(run)]
    assert found == pytest.approx(expected)


def test_priors_of_the_labels_that_train_are_kept(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    list(train_dannce(refining(disc_scene, output=run, steps=1)))
    priors = np.load(run / "discs_priors.npy")
    body = disc_scene.keypoints[0, 0]
    lengths = [np.linalg.norm(body[a] - body[b]) for a, b in ((0, 1), (0, 2), (1, 3), (2, 3))]
    np.testing.assert_allclose(priors[:, 0], np.array(lengths) / lengths[0], rtol=1e-5)
    np.testing.assert_allclose(priors[:, 1], 0, atol=1e-5)


def test_finetuning_tells_what_it_takes(disc_scene, tmp_path: Path) -> None:
    list(train_dannce(settings_for(disc_scene, output=tmp_path / "a", steps=1)))
    start = tmp_path / "a/checkpoints/last.safetensors"
    settings = refining(disc_scene, output=tmp_path / "b", steps=1, start_from=start)
    said = [e.text for e in train_dannce(settings) if isinstance(e, Message)]
    assert f"{start}: 64 of " in said[0]
    assert "weight tensors are taken as they are; begin anew: fusion_layer.weight" in said[0]
    assert "it learned with" not in said[0]
    told = (tmp_path / "b/start.txt").read_text(encoding="utf-8")
    assert told.startswith(f"{said[0]}\n\ntaken as they are (64)\n  ")
    groups = [line for line in told.splitlines()[2:] if line and not line.startswith("  ")]
    assert [line.split(" (")[0] for line in groups] == [
        "taken as they are", "made to fit", "begin anew", "not used",
    ]  # fmt: skip
    named = {line.strip() for line in told.splitlines()[2:] if line.startswith("  ")}
    assert named == set(weights_of(tmp_path / "b"))
    assert not (tmp_path / "a/start.txt").exists()
    other = refining(
        disc_scene, output=tmp_path / "c", steps=1, start_from=start,
        volume={"voxels": 8, "size_mm": 100},
    )  # fmt: skip
    said = [e.text for e in train_dannce(other) if isinstance(e, Message)]
    assert (
        "learned with a cube of 120 mm in 16 voxels (nearest), here it is a cube of 100" in said[0]
    )


def test_reference_weights_are_written(disc_scene, tmp_path: Path) -> None:
    settings = settings_for(
        disc_scene, output=tmp_path / "run", steps=1, width=32, batch_size=1,
        validation_frames=0, reference_weights=True, volume={"voxels": 8, "size_mm": 120},
    )  # fmt: skip
    list(train_dannce(settings))
    ours = weights_of(tmp_path / "run")
    theirs = load_checkpoint(tmp_path / "run/checkpoints/last.pth").network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_heatmaps_that_peak_are_learned(disc_scene, tmp_path: Path) -> None:
    settings = settings_for(
        disc_scene, output=tmp_path / "run", epochs=13, head="maximum", sigma_mm=12,
        losses=["MSELoss"], learning_rate=3e-3, rotate="none", views="all", width=4,
        validation_frames=4,
    )  # fmt: skip
    list(train_dannce(settings))
    lines = metrics_of(tmp_path / "run")
    # the voxels are 7.5 mm, and the animal is 65 mm long
    assert lines[-1]["val_euclidean_distance_3D"] < 20
    assert lines[0]["val_euclidean_distance_3D"] > 24
    saved = load_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    assert saved.dannce.config.head == "maximum"


def test_two_processes_learn_as_one(disc_scene, tmp_path: Path) -> None:
    values = {
        "validation_frames": 0,
        "steps": 2,
        "schedule": "constant",
        "batch_size": 4,
        "losses": ["L1Loss"],
        # each process normalises by its own volumes unless the norm is of each keypoint alone
        "graph": {**GRAPH, "dropout": 0.0, "norm": "layer"},
    }
    list(train_dannce(refining(disc_scene, output=tmp_path / "one", **values)))
    together = refining(disc_scene, output=tmp_path / "two", **values)
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(together.model_dump(mode="json")))
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    job = ["napari_sdannce.cli", "train", "sdannce", str(config), "--progress", "json"]
    ran = subprocess.run(
        [sys.executable, "-m", *torchrun, "-m", *job],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert [event["step"] for event in events if event["event"] == "step"] == [1, 2]
    ours, theirs = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    # a bias moves all of a heatmap: its gradient is rounding, which Adam makes a step of
    for name in set(theirs) - {"output_layer.bias", "pose_generator.output_layer.bias"}:
        torch.testing.assert_close(ours[name], theirs[name], atol=2e-4, rtol=1e-3)


def test_experiments_that_only_validate(disc_scene, tmp_path: Path) -> None:
    both = [{"folder": disc_scene.folder, "labels": [each]} for each in disc_scene.pose_labels]
    settings = settings_for(
        disc_scene, experiments=both, output=tmp_path / "run", steps=1, validation_frames=10,
        validation_experiments=[1], train_frames=5,
    )  # fmt: skip
    said = [e.text for e in train_dannce(settings) if isinstance(e, Message)]
    assert any("5 labelled poses train, 10 validate" in text for text in said)
    wrong = settings_for(disc_scene, validation_experiments=[1], output=tmp_path / "other")
    with pytest.raises(ValueError, match="there is no experiment 1, only 0 to 0"):
        list(train_dannce(wrong))


def test_unlabelled_frames_need_coms(disc_scene, tmp_path: Path) -> None:
    settings = refining(disc_scene, unlabelled="equal", output=tmp_path / "run")
    with pytest.raises(ValueError, match="frames without labels need COMs: predict them"):
        list(train_dannce(settings))
    assert not (tmp_path / "run").exists()
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    assert experiment.trace is None
