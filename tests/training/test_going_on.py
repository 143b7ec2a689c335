"""Runs that go on, or can not: whatever became of their files, their labels, or their disk."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import yaml

from napari_sdannce.models import CheckpointError, load_checkpoint
from napari_sdannce.models.checkpoints import read_info
from napari_sdannce.settings import DannceTrainSettings
from napari_sdannce.settings.events import EpochDone, JobDone, Message, TrainingStep
from napari_sdannce.training import train_dannce
from napari_sdannce.training.measuring import validate
from napari_sdannce.training.resume import continue_training
from napari_sdannce.training.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_sdannce.settings.events import Event


def settings_for(disc_scene: Any, output: Path | None, **changes: Any) -> DannceTrainSettings:
    values = {
        "experiments": [{"folder": disc_scene.folder, "labels": disc_scene.pose_labels[:1]}],
        "volume": {"voxels": 8, "size_mm": 120},
        "width": 2,
        "device": "cpu",
        "batch_size": 16,
        "validation_frames": 16,
        "steps": 2,
        "output": output,
    }
    return DannceTrainSettings.model_validate({**values, **changes})


def trained(disc_scene: Any, output: Path, **changes: Any) -> Path:
    list(train_dannce(settings_for(disc_scene, output, **changes)))
    return output


def said(events: Iterable[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Message)]


def info_of(run: Path, name: str) -> Any:
    return read_info(run / "checkpoints" / f"{name}.safetensors")


def test_the_best_of_a_run_that_was_stopped_is_completed(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = train_dannce(settings_for(disc_scene, run, steps=6, learning_rate=1e-30))
    for event in job:
        if isinstance(event, EpochDone):
            break
    job.close()
    assert info_of(run, "best").reliability is None
    # at so small a rate, nothing is better than the first
    (done,) = [event for event in continue_training(run) if isinstance(event, JobDone)]
    assert {path.rsplit("/", 1)[-1] for path in done.outputs[1:]} == {
        "best.safetensors",
        "last.safetensors",
    }
    assert info_of(run, "best").epoch == 1
    assert info_of(run, "best").reliability is not None


def test_a_run_killed_before_it_was_completed_is_completed(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = train_dannce(settings_for(disc_scene, run))
    for event in job:
        if isinstance(event, EpochDone) and event.seconds_left == 0:
            break
    job.close()
    assert info_of(run, "last").reliability is None
    list(continue_training(run))
    assert info_of(run, "last").reliability is not None


@pytest.mark.parametrize("steps", [2, 5])
def test_ctrl_c_in_a_validation_leaves_it_to_do(
    disc_scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    whole = trained(disc_scene, tmp_path / "whole", steps=steps)
    n_epochs = len((whole / "metrics.jsonl").read_text().splitlines())
    run = tmp_path / "run"
    seen = []

    def stopped(*arguments: Any, **given: Any) -> Any:
        seen.append(arguments)
        if len(seen) == n_epochs:
            raise KeyboardInterrupt
        return validate(*arguments, **given)

    with monkeypatch.context() as patch:
        patch.setattr("napari_sdannce.training.fitting.validate", stopped)
        with pytest.raises(KeyboardInterrupt):
            list(train_dannce(settings_for(disc_scene, run, steps=steps)))
    events = list(continue_training(run))
    assert [event.step for event in events if isinstance(event, TrainingStep)] == []
    lines = [(each / "metrics.jsonl").read_text().splitlines() for each in (run, whole)]
    numbers = [[without_times(line) for line in each] for each in lines]
    assert numbers[0] == numbers[1]
    assert info_of(run, "best").reliability is not None
    # and once it is done, it is not done again, nor is its log shortened
    list(continue_training(run))
    assert (run / "metrics.jsonl").read_text().splitlines() == lines[0]


def without_times(line: str) -> dict[str, float]:
    return {name: value for name, value in json.loads(line).items() if name != "seconds"}


def test_a_file_stop_that_comes_too_late_stops_nothing(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for event in train_dannce(settings_for(disc_scene, run)):
        if isinstance(event, TrainingStep) and event.step == 2:
            (run / "STOP").touch()
    assert info_of(run, "best").reliability is not None
    assert not (run / "STOP").exists()
    # one that a killed run left does not stop it again
    (run / "STOP").touch()
    steps = [e for e in continue_training(run, steps=4) if isinstance(e, TrainingStep)]
    assert len(steps) == 2


def test_a_run_goes_on_to_the_end_it_was_given_last(disc_scene, tmp_path: Path) -> None:
    run = trained(disc_scene, tmp_path / "run")
    job = continue_training(run, steps=4)
    for event in job:
        if isinstance(event, TrainingStep):
            break
    job.close()
    last = [event.step for event in continue_training(run) if isinstance(event, TrainingStep)]
    assert last == [4]
    assert yaml.safe_load((run / "config.yaml").read_text())["steps"] == 4


def test_what_a_run_started_from_may_be_gone(disc_scene, tmp_path: Path) -> None:
    start = trained(disc_scene, tmp_path / "start") / "checkpoints" / "last.safetensors"
    run = trained(disc_scene, tmp_path / "run", start_from=start)
    start.unlink()
    assert any(isinstance(event, JobDone) for event in continue_training(run, steps=3))


def test_a_run_goes_on_in_an_experiment_that_was_moved(disc_scene, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(disc_scene.folder, old)
    experiment = {"folder": old, "labels": [old / disc_scene.pose_labels[0].name]}
    list(train_dannce(settings_for(disc_scene, None, experiments=[experiment])))
    old.rename(new)
    run = new / "DANNCE" / "train"
    events = list(continue_training(run, steps=3))
    assert [event.step for event in events if isinstance(event, TrainingStep)] == [3]
    assert not old.exists()
    # where it went is noted, and another place is an error that says what to do
    content = yaml.safe_load((run / "config.yaml").read_text())
    assert content["experiments"][0]["folder"] == str(new)
    content["output"] = str(run)
    content["experiments"][0]["folder"] = str(old)
    (run / "config.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(FileNotFoundError, match=r"old is not there; .*config\.yaml"):
        list(continue_training(run, steps=4))


def test_other_labels_are_told(disc_scene, tmp_path: Path) -> None:
    run = trained(disc_scene, tmp_path / "run")
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert not any("is not what it was" in text for text in said(continue_training(run, steps=3)))
    config["experiments"][0]["labels"] = [str(disc_scene.pose_labels[1])]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert any("is not what it was" in text for text in said(continue_training(run, steps=4)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"width": 4}, "its network has width 2, that of the settings 4"),
        ({"volume": {"voxels": 16, "size_mm": 120}}, "its volume were"),
        ({"views": "without_replacement", "n_views": 2}, "its network has n_views 4"),
    ],
)
def test_another_network_is_an_error(
    disc_scene, tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    run = trained(disc_scene, tmp_path / "run")
    config = yaml.safe_load((run / "config.yaml").read_text()) | change
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match=complaint):
        list(continue_training(run, steps=3))


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        {"done": 3},
        {"done": {}},
        {"done": {"epoch": 1, "colour": 2}},
        {"network": {"w": torch.zeros(1)}, "done": {"epoch": 1}},
        {"network": 3, "done": {"epoch": "one"}},
    ],
)
def test_states_of_something_else_are_refused(disc_scene, tmp_path: Path, content: Any) -> None:
    run = trained(disc_scene, tmp_path / "run", steps=1, validation_frames=0)
    before = (run / "metrics.jsonl").read_text()
    torch.save(content, run / "checkpoints" / "state.pt")
    with pytest.raises(CheckpointError, match="state"):
        list(continue_training(run, steps=2))
    assert (run / "metrics.jsonl").read_text() == before


def test_logs_that_were_cut_do_not_keep_a_run_from_going_on(disc_scene, tmp_path: Path) -> None:
    run = trained(disc_scene, tmp_path / "run", steps=None, epochs=1, validation_frames=0)
    for name in ("metrics.jsonl", "training.csv"):
        with (run / name).open("ab") as file:
            file.write(b"\n\x00\xff{]\n")
    list(continue_training(run, epochs=2))
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_full_disk_loses_nothing(disc_scene, tmp_path: Path, small_disk) -> None:
    run = tmp_path / "run"
    job = train_dannce(settings_for(disc_scene, run, width=8, validation_frames=0))
    for event in job:
        if isinstance(event, EpochDone):
            break
    job.close()
    before = load_checkpoint(run / "checkpoints/last.safetensors").network.state_dict()
    with small_disk(), pytest.raises(OSError, match="could not be written"):
        list(continue_training(run, steps=4))
    after = load_checkpoint(run / "checkpoints/last.safetensors").network.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not list((run / "checkpoints").glob("*.part"))
    assert any(isinstance(event, JobDone) for event in continue_training(run, steps=4))


def test_a_state_that_can_not_be_written_is_named(tmp_path: Path, small_disk) -> None:
    (tmp_path / "checkpoints").mkdir()
    with small_disk(), pytest.raises(OSError, match=r"state\.pt: the state could not be written"):
        RunFolder(tmp_path).save_state({"weights": torch.zeros(10**5)})
    assert not list((tmp_path / "checkpoints").iterdir())


def test_one_process_at_a_time(disc_scene, tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = train_dannce(settings_for(disc_scene, run, steps=4))
    for event in job:
        if isinstance(event, EpochDone):
            break
    with pytest.raises(FileExistsError, match="another process trains there"):
        list(continue_training(run))
    job.close()
    assert any(isinstance(event, JobDone) for event in continue_training(run))


def test_two_runs_that_begin_at_once_get_folders_of_their_own(disc_scene, tmp_path: Path) -> None:
    settings = settings_for(disc_scene, tmp_path).model_copy(update={"output": None})
    # the other one's folder was not there when this one looked, and then was
    default = tmp_path / "train"
    first, second = (RunFolder.create(settings, default) for _ in range(2))
    assert first.path != second.path
    third = tmp_path / "third"
    third.mkdir()
    RunFolder.create(settings.model_copy(update={"output": third}), default)
    with pytest.raises(FileExistsError, match="is not empty"):
        RunFolder.create(settings.model_copy(update={"output": third}), default)


def test_weights_that_are_no_numbers_replace_none(disc_scene, tmp_path: Path) -> None:
    run = trained(disc_scene, tmp_path / "run", validation_frames=0)
    state = torch.load(run / "checkpoints/state.pt")
    state["network"]["output_layer.weight"][0] = np.nan
    torch.save(state, run / "checkpoints/state.pt")
    with pytest.raises(ValueError, match="the weights are no numbers any more at step 3"):
        list(continue_training(run, steps=4))
    weights = load_checkpoint(run / "checkpoints/last.safetensors").network.state_dict()
    assert all(bool(torch.isfinite(each).all()) for each in weights.values())
