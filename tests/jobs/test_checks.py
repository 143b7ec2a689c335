"""What is found before a job begins, on scenes whose flaws are known."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.jobs.checks import (
    Check,
    Verdict,
    check_disk,
    check_memory,
    in_bytes,
    judge_disk,
    judge_memory,
)
from napari_sdannce.jobs.pictures import of_poses
from napari_sdannce.jobs.predicting import check_prediction
from napari_sdannce.jobs.teaching import check_training
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
    VolumeSettings,
)
from napari_sdannce.training import open_experiment, train_dannce
from napari_sdannce.training.dannce_examples import read_examples

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


def said(found: list[Check], verdict: Verdict) -> str:
    return "\n".join(check.text for check in found if check.verdict is verdict)


def dannce(scene: Any, size: float = 140.0, **more: Any) -> DannceTrainSettings:
    experiment = ExperimentSettings(folder=scene.folder, labels=scene.pose_labels)
    given = {"experiments": (experiment,), "width": 8, "com_jitter_mm": 10.0, "device": "cpu"}
    return DannceTrainSettings(volume=VolumeSettings(size_mm=size, voxels=16), **(given | more))


def test_nothing_is_wrong_with_a_good_scene(disc_scene: Any) -> None:
    found = check_training(dannce(disc_scene))
    assert said(found, Verdict.BAD) == ""
    assert "4 calibrated cameras with videos" in said(found, Verdict.GOOD)
    assert "all labelled keypoints lie in the cube of 140 mm" in said(found, Verdict.GOOD)
    assert "48 labelled frames, 4 kept to validate; that is few" in said(found, Verdict.CAREFUL)


@pytest.mark.parametrize(("size", "verdict"), [(40.0, Verdict.BAD), (66.0, Verdict.CAREFUL)])
def test_a_cube_too_small_for_the_skeleton(disc_scene: Any, size: float, verdict: Verdict) -> None:
    centres = disc_scene.keypoints.mean(axis=2, keepdims=True)
    reach = np.abs(disc_scene.keypoints - centres).max(axis=-1)
    share = (reach > size / 2).mean()
    found = said(check_training(dannce(disc_scene, size)), verdict)
    assert f"{share:.1%} of the labelled keypoints lie outside the cube of {size:g} mm" in found
    enough = float(found.partition(f"{size:g} mm; ")[2].split()[0])
    assert enough == pytest.approx(2 * reach.max() + 20, abs=1)


def test_a_com_trace_with_gaps(disc_scene: Any, tmp_path: Path) -> None:
    com = disc_scene.com[:, :1].copy()
    com[:6] = np.nan
    path, *_ = write_com(tmp_path, com, np.arange(len(com)))
    experiment = ExperimentSettings(
        folder=disc_scene.folder, labels=disc_scene.pose_labels[:1], com=path
    )
    found = check_training(dannce(disc_scene, experiments=(experiment,)))
    assert "42 of 48 labelled poses have a COM" in said(found, Verdict.CAREFUL)


def test_a_com_trace_of_something_else(disc_scene: Any, tmp_path: Path) -> None:
    path, *_ = write_com(tmp_path, disc_scene.com + 500, np.arange(len(disc_scene.com)))
    experiment = ExperimentSettings(
        folder=disc_scene.folder, labels=disc_scene.pose_labels[:1], com=path
    )
    found = check_training(dannce(disc_scene, experiments=(experiment,)))
    assert "no labelled animal has a COM near it" in said(found, Verdict.BAD)


def test_frames_without_labels_need_coms(disc_scene: Any, tmp_path: Path) -> None:
    found = check_training(dannce(disc_scene, unlabelled="equal"))
    assert "frames without labels need a COM, and experiment has no COM trace" in said(
        found, Verdict.BAD
    )


def test_a_graph_is_meant_to_refine_what_dannce_learned(disc_scene: Any) -> None:
    values = dannce(disc_scene).model_dump(exclude_unset=True)
    found = said(check_training(SdannceTrainSettings.model_validate(values)), Verdict.CAREFUL)
    assert "starts from nothing; s-DANNCE is meant to start from a DANNCE network" in found
    assert "starts from nothing" not in said(check_training(dannce(disc_scene)), Verdict.CAREFUL)


def test_what_is_missing_is_named(disc_scene: Any, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(disc_scene.folder, folder)
    camera = disc_scene.recording.names[1]
    shutil.rmtree(folder / "videos" / camera)
    for path in folder.glob("pose*.mat"):
        path.unlink()
    experiment = ExperimentSettings(folder=folder)
    found = said(check_training(dannce(disc_scene, experiments=(experiment,))), Verdict.BAD)
    assert f"broken: no video of {camera}" in found
    assert "no label file holds poses, only COMs: com_dannce.mat" in found
    missing = ExperimentSettings(folder=tmp_path / "nowhere")
    found = said(check_training(dannce(disc_scene, experiments=(missing,))), Verdict.BAD)
    assert "nowhere can not be opened" in found
    assert "choose an experiment" in said(check_training(ComTrainSettings()), Verdict.BAD)


def test_com_training_takes_labels_of_coms(disc_scene: Any, tmp_path: Path) -> None:
    experiment = ExperimentSettings(folder=disc_scene.folder)
    settings = ComTrainSettings(experiments=(experiment,), validation_frames=48, device="cpu")
    found = said(check_training(settings), Verdict.BAD)
    assert "48 labelled frames, 48 kept to validate: none is left to learn from" in found
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").touch()
    update = {"output": tmp_path / "run", "validation_frames": 4}
    found = said(check_training(settings.model_copy(update=update)), Verdict.BAD)
    assert "is not empty" in found
    assert "frames" not in found


NETWORK = {
    "network": {"kind": "dannce", "n_views": 4, "channels_per_view": 3, "n_keypoints": 4,
                "width": 8},
    "cameras": [],
    "volume": {"size_mm": 140, "voxels": 16},
}  # fmt: skip


def network(folder: Path, **more: Any) -> Path:
    """A checkpoint as far as its description goes."""
    path = folder / "net.safetensors"
    path.touch()
    path.with_suffix(".json").write_text(json.dumps(NETWORK | more))
    return path


def test_prediction(disc_scene: Any, tmp_path: Path) -> None:
    names = disc_scene.recording.names
    com = disc_scene.com.copy()
    com[:12] = np.nan
    trace, *_ = write_com(tmp_path, com, np.arange(len(com)))
    settings = DanncePredictSettings(
        experiment=disc_scene.folder,
        checkpoint=network(tmp_path, cameras=list(names)),
        com=trace,
        device="cpu",
    )
    found = check_prediction(settings)
    assert said(found, Verdict.BAD) == ""
    assert "a COM is known in 75% of the frames, 2 animals" in said(found, Verdict.CAREFUL)
    assert "48 frames to predict" in said(found, Verdict.GOOD)
    few = check_prediction(settings.model_copy(update={"count": 12}))
    assert "no position in any of these frames" in said(few, Verdict.BAD)
    late = check_prediction(settings.model_copy(update={"start": 48}))
    assert "no frame to predict from 48 on" in said(late, Verdict.BAD)
    fewer = check_prediction(settings.model_copy(update={"cameras": names[:3]}))
    assert "the network takes 4 cameras, here are 3" in said(fewer, Verdict.BAD)
    bare = check_prediction(settings.model_copy(update={"com": None}))
    assert "has no COM trace: predict it first" in said(bare, Verdict.BAD)


def test_networks_that_do_not_fit(disc_scene: Any, tmp_path: Path) -> None:
    settings = ComPredictSettings(experiment=disc_scene.folder, checkpoint=network(tmp_path))
    found = said(check_prediction(settings), Verdict.BAD)
    assert "net.safetensors is a dannce network and can not find centres of mass" in found
    settings.checkpoint.with_suffix(".json").write_text("[]")
    found = said(check_prediction(settings), Verdict.BAD)
    assert "does not describe a network" in found
    absent = settings.model_copy(update={"checkpoint": tmp_path / "no.pth"})
    assert "there is no network" in said(check_prediction(absent), Verdict.BAD)


def test_a_prediction_that_is_there_already(disc_scene: Any, tmp_path: Path) -> None:
    (tmp_path / "out" / "com.zarr").mkdir(parents=True)
    checkpoint = network(tmp_path, network={"kind": "com", "width": 8, "in_channels": 3})
    settings = ComPredictSettings(
        experiment=disc_scene.folder, checkpoint=checkpoint, output=tmp_path / "out", device="cpu"
    )
    found = check_prediction(settings)
    assert "the same one goes on where it was" in said(found, Verdict.CAREFUL)
    assert said(found, Verdict.BAD) == ""


def test_disk_and_memory(tmp_path: Path) -> None:
    verdicts = [judge_disk(5 * GIB, gib * GIB).verdict for gib in (1, 4, 6)]
    assert verdicts == [Verdict.GOOD, Verdict.CAREFUL, Verdict.BAD]
    found = [judge_memory(10 * GIB, gib * GIB, "memory", "use less") for gib in (5, 8, 11)]
    assert [check.verdict for check in found] == verdicts
    assert found[1].text == "memory: about 8.0 GB needed, 10 GB free; use less"
    assert "disk: " in check_disk(tmp_path / "not" / "yet").text
    assert check_memory(1e18, "cpu", "use less").verdict is Verdict.BAD
    assert in_bytes(3.25 * GIB) == "3.2 GB"
    assert in_bytes(30 * GIB) == "30 GB"
    assert in_bytes(5_000_000) == "5 MB"


def test_labels_are_read_anew_when_they_change(disc_scene: Any, tmp_path: Path) -> None:
    """A person labels more while the panel is open."""
    import os

    from napari_sdannce.files import open_labels
    from napari_sdannce.files.dannce_labels import dannce_from_labels
    from napari_sdannce.files.dannce_mat import write_dannce

    path = tmp_path / "pose_dannce.mat"
    shutil.copy(disc_scene.pose_labels[0], path)
    experiment = ExperimentSettings(folder=disc_scene.folder, labels=(path,))
    settings = dannce(disc_scene, experiments=(experiment,))
    assert "48 labelled frames" in said(check_training(settings), Verdict.CAREFUL)
    labels = open_labels(path).select_frames(np.arange(48) < 10)
    sync = replace(disc_scene.recording.sync) if disc_scene.recording.sync else None
    assert sync is not None
    path.unlink()
    write_dannce(path, dannce_from_labels(path, labels, disc_scene.recording.cameras, sync))
    os.utime(path, (1, 1))
    assert "10 labelled frames" in said(check_training(settings), Verdict.CAREFUL)


@pytest.mark.parametrize("unlabelled", ["none", "equal"])
def test_memory_of_pictures_is_what_training_keeps(disc_scene: Any, unlabelled: str) -> None:
    settings = dannce(disc_scene, rotate="any")
    recording = open_recording(disc_scene.folder)
    labels = [open_labels(path) for path in disc_scene.pose_labels]
    told = of_poses(recording, labels, settings.model_copy(update={"unlabelled": unlabelled}))
    examples = read_examples(open_experiment(settings.experiments[0], "dannce"), settings)
    kept = sum(example.nbytes for example in examples if example is not None)
    assert told == pytest.approx(kept * (2 if unlabelled == "equal" else 1), rel=0.15)


def test_another_cube_than_the_first_network_had_is_told(disc_scene: Any, tmp_path: Path) -> None:
    settings = dannce(disc_scene, output=tmp_path / "run", steps=1, width=1)
    list(train_dannce(settings))
    start = tmp_path / "run" / "checkpoints" / "last.safetensors"
    same = check_training(settings.model_copy(update={"start_from": start, "output": None}))
    assert "last.safetensors, in the same cube" in said(same, Verdict.GOOD)
    other = dannce(disc_scene, size=150.0, start_from=start)
    assert "learned in a cube of 140 mm and 16 voxels; here it is 150 mm" in said(
        check_training(other), Verdict.CAREFUL
    )
