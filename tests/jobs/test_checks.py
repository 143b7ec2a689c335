"""What is found before a job begins, on scenes whose flaws are known."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

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
from napari_sdannce.jobs.memory import of_predicting_images
from napari_sdannce.jobs.pictures import of_poses
from napari_sdannce.jobs.predicting import check_prediction
from napari_sdannce.jobs.results import poses_folder
from napari_sdannce.jobs.teaching import check_training
from napari_sdannce.predictions import ComStore, Job, PoseStore, read_com_trace
from napari_sdannce.predictions.com_store import ComChunk
from napari_sdannce.predictions.find_com import find_com
from napari_sdannce.predictions.hashes import trace_hash, weights_hash
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
from napari_sdannce.video import VideoWriter

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
    assert (
        "all labelled keypoints lie in the cube of 140 mm round the mean keypoint, moved by up to "
        "10 mm"
    ) in said(found, Verdict.GOOD)
    files = ", ".join(path.name for path in disc_scene.pose_labels)
    assert f"48 labelled frames ({files}), 4 to validate; that is few" in said(
        found, Verdict.CAREFUL
    )


@pytest.mark.parametrize(("size", "verdict"), [(40.0, Verdict.BAD), (66.0, Verdict.CAREFUL)])
@pytest.mark.parametrize("jitter", [0.0, 10.0])
def test_a_cube_too_small_for_the_skeleton(
    disc_scene: Any, size: float, jitter: float, verdict: Verdict
) -> None:
    centres = disc_scene.keypoints.mean(axis=2, keepdims=True)
    away = np.abs(disc_scene.keypoints - centres)
    draws = np.random.default_rng(0).uniform(-jitter, jitter, (4000, 1, 1, 1, 3))
    share = (np.abs(disc_scene.keypoints - centres - draws) > size / 2).any(axis=-1).mean()
    found = said(check_training(dannce(disc_scene, size, com_jitter_mm=jitter)), verdict)
    told = float(found.partition("% of the labelled keypoints lie outside the cube")[0].split()[-1])
    assert told == pytest.approx(100 * share, abs=0.06 if jitter == 0 else 0.5)
    enough = float(found.partition(f"cube of {size:g} mm")[2].partition("; ")[2].split()[0])
    assert enough == pytest.approx(2 * away.max() + 2 * jitter, abs=1)


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


@pytest.mark.parametrize("name", ["SilhouetteLoss", "SilhouetteLoss2D"])
def test_silhouettes_need_masks(disc_scene: Any, tmp_path: Path, name: str) -> None:
    def found(**more: Any) -> list[Check]:
        values = {"folder": disc_scene.folder, "labels": disc_scene.pose_labels, **more}
        experiment = ExperimentSettings(**values)
        return check_training(
            dannce(disc_scene, experiments=(experiment,), losses=("L1Loss", name))
        )

    assert f"experiment: {name} needs masks of the animals" in said(found(), Verdict.BAD)
    masks = tmp_path / "masks"
    assert f"there is no folder of masks {masks}" in said(found(masks=masks), Verdict.BAD)
    first, *others = disc_scene.recording.names
    for camera in (first, *others):
        (masks / camera).mkdir(parents=True)
    (masks / first / "0.png").touch()
    text = f"{masks} has no masks of {', '.join(others)} "
    assert text in said(found(masks=masks), Verdict.BAD)
    alone = found(masks=masks, cameras=(first,))
    assert "experiment: masks of every camera" in said(alone, Verdict.GOOD)
    for camera in others:
        (masks / camera / "0.png").touch()
    assert said(found(masks=masks), Verdict.BAD) == ""
    assert "masks" not in said(check_training(dannce(disc_scene)), Verdict.BAD)


def test_a_table_of_bones_is_of_the_skeleton(disc_scene: Any, tmp_path: Path) -> None:
    skeleton = tmp_path / "discs.yaml"
    skeleton.write_text(
        "name: discs\nkeypoints: [nose, left, right, tail]\n"
        "edges: [[nose, left], [nose, right], [left, tail], [right, tail]]\n"
    )
    experiment = ExperimentSettings(
        folder=disc_scene.folder, labels=disc_scene.pose_labels, skeleton=str(skeleton)
    )

    def found(loss: str) -> list[Check]:
        return check_training(
            dannce(disc_scene, experiments=(experiment,), losses=("L1Loss", loss))
        )

    path = tmp_path / "priors.npy"
    with_table = f"BoneLengthLoss:0.5,priors={path}"
    assert f"BoneLengthLoss: no priors {path}" in said(found(with_table), Verdict.BAD)
    np.save(path, np.ones((3, 2)))
    assert "has the shape (3, 2), expected an .npy of (4, 2)" in said(
        found(with_table), Verdict.BAD
    )
    np.save(path, np.ones((4, 2)))
    assert said(found(with_table), Verdict.BAD) == ""
    assert "lengths of 4 bones from priors.npy" in said(found(with_table), Verdict.GOOD)
    wrong = found("BoneLengthLoss:0.5,ref_index=4")
    assert "BoneLengthLoss: no bone 4; bones of 'discs': 0 to 3" in said(wrong, Verdict.BAD)
    assert said(found("BoneLengthLoss:0.5,ref_index=4,relative_scale=false"), Verdict.BAD) == ""


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


def test_videos_of_another_size_than_the_calibration(disc_scene: Any, tmp_path: Path) -> None:
    folder = tmp_path / "other size"
    shutil.copytree(disc_scene.folder, folder)
    camera = disc_scene.recording.names[1]
    for path in (folder / "videos" / camera).glob("*.mp4"):
        path.unlink()
        with VideoWriter(path, 96, 128, fps=25) as video:
            for _ in range(48):
                video.write(np.zeros((128, 96, 3), np.uint8))
    labels = tuple(folder / path.name for path in disc_scene.pose_labels)
    experiment = ExperimentSettings(folder=folder, labels=labels)
    words = f"calibration of {camera} is for images of 160 x 128 px, the videos have 96 x 128 px"
    trained = check_training(dannce(disc_scene, experiments=(experiment,)))
    predict = {"experiment": folder, "checkpoint": network(tmp_path), "device": "cpu"}
    for settings in (DanncePredictSettings(**predict), ComPredictSettings(**predict)):
        assert words in said(check_prediction(settings), Verdict.BAD)
    assert words in said(trained, Verdict.BAD)
    others = tuple(name for name in disc_scene.recording.names if name != camera)
    experiment = experiment.model_copy(update={"cameras": others})
    trained = check_training(dannce(disc_scene, experiments=(experiment,)))
    assert words not in said(trained, Verdict.BAD)


def test_experiments_of_other_cameras(disc_scene: Any) -> None:
    names = disc_scene.recording.names
    given = {"folder": disc_scene.folder, "labels": disc_scene.pose_labels}
    experiments = (ExperimentSettings(**given), ExperimentSettings(**given, cameras=names[:3]))
    found = said(check_training(dannce(disc_scene, experiments=experiments)), Verdict.BAD)
    assert f"has the cameras {', '.join(names[:3])}, " in found
    drawn = dannce(disc_scene, experiments=experiments, views="with_replacement", n_views=3)
    assert said(check_training(drawn), Verdict.BAD) == ""


def test_a_mirror_needs_left_and_right(disc_scene: Any, tmp_path: Path) -> None:
    skeleton = tmp_path / "discs.yaml"
    skeleton.write_text("name: discs\nkeypoints: [a, b, c, d]\n")
    experiment = ExperimentSettings(
        folder=disc_scene.folder, labels=disc_scene.pose_labels, skeleton=str(skeleton)
    )

    def found(*pairs: str) -> str:
        settings = dannce(disc_scene, experiments=(experiment,), mirror=True, mirror_pairs=pairs)
        return said(check_training(settings), Verdict.BAD)

    assert "'Mirror' needs to know left and right, and skeleton 'discs' does not say" in found()
    assert found("b:2") == ""
    assert "pair (1, 9) points outside its 4 keypoints" in found("b:9")
    assert "has no keypoint 'e'" in found("b:e")
    assert said(check_training(dannce(disc_scene, mirror=True)), Verdict.BAD) == ""


def test_com_training_takes_labels_of_coms(disc_scene: Any, tmp_path: Path) -> None:
    experiment = ExperimentSettings(folder=disc_scene.folder)
    settings = ComTrainSettings(experiments=(experiment,), validation_frames=48, device="cpu")
    found = said(check_training(settings), Verdict.BAD)
    assert (
        "48 labelled frames (com_dannce.mat), 48 to validate: none is left to learn from" in found
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").touch()
    update = {"output": tmp_path / "run", "validation_frames": 4}
    found = said(check_training(settings.model_copy(update=update)), Verdict.BAD)
    assert "is not empty" in found
    assert "frames" not in found
    update = {"output": tmp_path / "run" / "file", "start_from": tmp_path / "run" / "file"}
    found = said(check_training(settings.model_copy(update=update)), Verdict.BAD)
    assert "is a file; choose a folder" in found
    assert "file is no network: these are .safetensors or .pth files" in found


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
    near = check_prediction(settings.model_copy(update={"com_limit_mm": 1e-3}))
    assert "no position within the COM limit of 0.001 mm in any" in said(near, Verdict.BAD)
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


def com_prediction(scene: Any, folder: Path, **more: Any) -> ComPredictSettings:
    checkpoint = network(folder, network={"kind": "com", "width": 8, "in_channels": 3})
    given = {"experiment": scene.folder, "checkpoint": checkpoint, "device": "cpu"}
    return ComPredictSettings(**(given | more))


def test_a_com_prediction_that_is_there_already(disc_scene: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = com_prediction(disc_scene, tmp_path, output=out)
    job = Job(
        animals=("white",),
        cameras=disc_scene.recording.names,
        weights=weights_hash(settings.checkpoint),
    )
    ComStore.create(out / "com.zarr", np.arange(48), job)
    found = check_prediction(settings)
    assert "out holds a prediction of this network: it goes on where it was" in said(
        found, Verdict.CAREFUL
    )
    assert said(found, Verdict.BAD) == ""
    fewer = settings.model_copy(update={"count": 12})
    assert "out holds a prediction of other frames: choose another results folder" in said(
        check_prediction(fewer), Verdict.BAD
    )
    settings.checkpoint.write_bytes(b"learned more")
    assert "out holds a prediction of another network" in said(
        check_prediction(settings), Verdict.BAD
    )
    (out / "com.zarr" / "zarr.json").write_text("{}")
    assert "out holds a com.zarr that can not be read" in said(
        check_prediction(settings), Verdict.BAD
    )
    (tmp_path / "file").touch()
    no_folder = settings.model_copy(update={"output": tmp_path / "file"})
    assert "file is a file" in said(check_prediction(no_folder), Verdict.BAD)


def fill(store: ComStore) -> None:
    """Write every chunk."""
    for rows in store.missing_chunks():
        n = len(rows)
        peaks = np.zeros((n, len(store.job.cameras), 1, 2))
        chunk = ComChunk(np.ones((n, 1, 3)), np.ones((n, 1)), peaks, peaks[..., 0])
        store.write(rows.start, chunk)


def test_coms_of_a_new_network_take_the_place_of_the_old_ones(
    disc_scene: Any, tmp_path: Path
) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(disc_scene.folder, scene)
    settings = com_prediction(disc_scene, tmp_path, experiment=scene)
    (line,) = [check for check in check_prediction(settings) if check.results]
    assert (line.text, line.verdict) == ("results go to COM/predict", Verdict.GOOD)
    job = Job(animals=("white",), cameras=("top",), weights="of another one")
    ComStore.create(scene / "COM" / "predict" / "com.zarr", np.arange(48), job)
    (line,) = [check for check in check_prediction(settings) if check.results]
    assert line.results == scene / "COM" / "predict-2"
    recording = open_recording(scene)
    fill(ComStore.open(scene / "COM" / "predict" / "com.zarr"))
    second = ComStore.create(line.results / "com.zarr", np.arange(48), job)
    # while it is under way, what is whole is taken
    assert find_com(recording) == scene / "COM" / "predict"
    fill(second)
    assert find_com(recording) == line.results
    # a quick look at a few frames does not
    fill(ComStore.create(scene / "COM" / "predict-3" / "com.zarr", np.arange(5), job))
    assert find_com(recording) == line.results
    fill(ComStore.create(scene / "COM" / "predict-10" / "com.zarr", np.arange(48), job))
    assert find_com(recording) == scene / "COM" / "predict-10"
    (scene / "COM" / "predict-old").mkdir()
    (scene / "COM" / "predict-11").touch()
    assert find_com(recording) == scene / "COM" / "predict-10"
    # one of the reference program counts by its frames, too
    theirs = scene / "COM" / "predict-12"
    theirs.mkdir()
    write_com(theirs, disc_scene.com, np.arange(48))
    assert find_com(recording) == theirs


def test_a_prediction_that_is_whole_is_told(disc_scene: Any, tmp_path: Path) -> None:
    settings = com_prediction(disc_scene, tmp_path, output=tmp_path / "out")
    job = Job(animals=("white",), cameras=("top",), weights=weights_hash(settings.checkpoint))
    store = ComStore.create(tmp_path / "out" / "com.zarr", np.arange(48), job, chunk=24)

    def line() -> str:
        (line,) = [check for check in check_prediction(settings) if check.results]
        return line.text

    peaks = np.zeros((24, 1, 1, 2))
    chunk = ComChunk(np.ones((24, 1, 3)), np.ones((24, 1)), peaks, peaks[..., 0])
    store.write(0, chunk)
    assert line().endswith("it goes on where it was")
    store.write(24, chunk)
    assert line().endswith("all of it is there, and nothing is left to do")


@pytest.mark.parametrize("kind", ["dannce", "sdannce"])
def test_poses_of_another_network_get_a_folder_of_their_own(
    disc_scene: Any, tmp_path: Path, kind: str
) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(disc_scene.folder, scene)
    trace, *_ = write_com(tmp_path, disc_scene.com, np.arange(48))
    checkpoint = network(tmp_path, network=NETWORK["network"] | {"kind": kind})
    settings = DanncePredictSettings(
        experiment=scene, checkpoint=checkpoint, com=trace, device="cpu"
    )

    def where(settings: DanncePredictSettings) -> tuple[str, Path | None]:
        (line,) = [check for check in check_prediction(settings) if check.results]
        return line.text, line.results

    first = scene / kind.upper() / "predict"
    assert where(settings) == (f"results go to {kind.upper()}/predict", first)
    theirs = Job(animals=("white", "black"), keypoints=("a",), weights="of another one")
    PoseStore.create(first / "poses.zarr", np.arange(48), theirs)
    second = first.with_name("predict-2")
    assert where(settings) == (
        f"results go to {kind.upper()}/predict-2, as {kind.upper()}/predict holds a prediction of "
        "another network",
        second,
    )
    named = settings.model_copy(update={"output": first})
    assert f"{kind.upper()}/predict holds a prediction of another network: choose" in said(
        check_prediction(named), Verdict.BAD
    )
    usable = read_com_trace(trace)
    made = {"com": trace_hash(usable), "volume": {**NETWORK["volume"], "interpolation": "linear"}}
    ours = theirs.model_copy(update={"weights": weights_hash(checkpoint), "settings": made})
    PoseStore.create(second / "poses.zarr", np.arange(48), ours)
    assert where(settings)[1] == second
    assert "predict-2 holds a prediction of this network: it goes on" in where(settings)[0]
    # a quick look at a few frames, another trace, or another cube is another prediction
    third = first.with_name("predict-3")
    for cube, folder in (({"size_mm": 100.0}, third), ({"interpolation": "nearest"}, third),
                         ({"voxels": 16}, second)):  # fmt: skip
        other = settings.model_copy(update={"volume": VolumeSettings(**cube)})
        assert where(other)[1] == folder
    assert where(settings.model_copy(update={"count": 5}))[1] == third
    moved, *_ = write_com(tmp_path / "moved", disc_scene.com + 1, np.arange(48))
    assert where(settings.model_copy(update={"com": moved}))[1] == third
    third.mkdir()
    (third / "save_data_AVG.mat").touch()
    assert where(settings.model_copy(update={"count": 5}))[1] == first.with_name("predict-4")


@pytest.mark.parametrize(
    ("name", "kind"), [("encoder.a", "DANNCE"), ("pose_generator.a", "SDANNCE")]
)
def test_weights_of_the_reference_program_tell_what_they_are(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / "net.pth"
    torch.save({"state_dict": {name: torch.zeros(1)}}, path)
    assert poses_folder(tmp_path, path, None) == tmp_path / kind / "predict"
    path.write_bytes(b"damaged")
    assert poses_folder(tmp_path, path, None) == tmp_path / "DANNCE" / "predict"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [(1, "")]),
        ({"workers": 3}, [(3, "3 processes on cpu, ")]),
        # two devices of one name and the processes of each
        ({"devices": "cpu,cpu", "workers": 2}, [(4, "4 processes on cpu, ")]),
        ({"cluster": "local", "cluster_job": {"count": 2}}, [(2, "2 processes on cpu, ")]),
        ({"cluster": "slurm"}, []),
    ],
)
def test_processes_on_one_device_share_its_memory(
    disc_scene: Any, tmp_path: Path, given: dict[str, Any], expected: list[tuple[int, str]]
) -> None:
    needed = of_predicting_images(4 * 6, 160 * 128 / 4**2, 8)
    found = check_prediction(com_prediction(disc_scene, tmp_path, **given))
    lines = [check.text for check in found if "memory" in check.text]
    for line, (count, head) in zip(lines, expected, strict=True):
        assert line.startswith(f"{head}memory: about {in_bytes(count * needed)} needed")


def test_each_device_is_checked(disc_scene: Any, tmp_path: Path) -> None:
    settings = com_prediction(disc_scene, tmp_path, devices="cuda:7,cpu,cuda:7", workers=2)
    found = check_prediction(settings)
    assert "no GPU was found here, and the device is cuda:7" in said(found, Verdict.BAD)
    assert "2 processes on cpu, memory: about" in said(found, Verdict.GOOD)


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
    assert "starts from last.safetensors" in said(same, Verdict.GOOD)
    other = dannce(disc_scene, size=150.0, start_from=start)
    assert "learned in a cube of 140 mm and 16 voxels (here 150 mm and 16)" in said(
        check_training(other), Verdict.CAREFUL
    )
    wider = dannce(disc_scene, start_from=start)
    assert "starts from last.safetensors, of width 1 (here 8: its weights are adapted)" in said(
        check_training(wider), Verdict.CAREFUL
    )


def test_another_cube_than_that_of_training_is_told(disc_scene: Any, tmp_path: Path) -> None:
    settings = DanncePredictSettings(
        experiment=disc_scene.folder, checkpoint=network(tmp_path), device="cpu"
    )
    learned = NETWORK["volume"]
    text = f"learned in a cube of {learned['size_mm']:g} mm and {learned['voxels']} voxels"
    assert text not in said(check_prediction(settings), Verdict.CAREFUL)
    for cube in ({"size_mm": 111.0}, {"voxels": 24}):
        other = settings.model_copy(update={"volume": VolumeSettings(**cube)})
        assert text in said(check_prediction(other), Verdict.CAREFUL)
