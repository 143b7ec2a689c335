"""The command line: options from settings, sources, errors, and jobs from start to end."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from napari_sdannce.cli import main
from napari_sdannce.cli.options import OPTIONS, merged, options_of, validated
from napari_sdannce.cli.progress import Lines, reporter
from napari_sdannce.cli.sources import predict_settings, train_settings
from napari_sdannce.files import open_labels
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.jobs.words import duration, in_words
from napari_sdannce.predictions import ComStore, PoseStore, read_com_trace
from napari_sdannce.settings import (
    ComImageSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    VolumeSettings,
)
from napari_sdannce.settings.events import EpochDone, JobDone, Message, Progress, TrainingStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_sdannce.settings.events import Event


def failing(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return int(stopped.value.code or 0)


def test_every_setting_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "dannce", "--help"])
    text = capsys.readouterr().out
    for option in options_of(DannceTrainSettings, without=("experiments",)):
        assert f"--{option.name}" in text
    assert "--volume-voxels WHOLE" in text
    assert "--mirror / --no-mirror" in text
    assert "--com PATH" in text
    assert "may be given several times" in " ".join(text.split())
    main(["predict", "dannce", "--help"])
    text = capsys.readouterr().out
    assert "Edge length of the cube, mm\n" in text  # that of training, not a default


def test_options_are_typed_and_win_over_the_file(tmp_path: Path) -> None:
    values = {"learning_rate": 0.5, "volume": {"voxels": 16, "size_mm": 90}, "seed": 3}
    given = {("volume", "voxels"): "32", ("mirror",): True, ("learning_rate",): "1e-3"}
    settings = validated(DannceTrainSettings, merged(values, given), "here")
    assert (settings.volume.voxels, settings.volume.size_mm) == (32, 90)
    assert (settings.learning_rate, settings.seed, settings.mirror) == (1e-3, 3, True)
    assert values["volume"] == {"voxels": 16, "size_mm": 90}


def test_an_option_that_equals_the_default_wins_too(tmp_path: Path) -> None:
    """In the reference it does not (defect D32)."""
    file = tmp_path / "train.yaml"
    file.write_text(yaml.safe_dump({"experiments": [{"folder": "rec"}], "epochs": 7}))
    default = str(DannceTrainSettings().epochs)
    settings = train_settings(DannceTrainSettings, (str(file),), {"epochs": default}, "none")
    assert settings.epochs == DannceTrainSettings().epochs
    assert settings.experiments[0].folder == tmp_path / "rec"


def test_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "predict.yaml"
    file.write_text("checkpoint: net.safetensors\ncom: /there/com3d.mat\n")
    settings = predict_settings(DanncePredictSettings, str(file), {"count": "4"}, "none")
    assert settings.checkpoint == tmp_path / "net.safetensors"
    assert settings.com == Path("/there/com3d.mat")
    assert settings.experiment == tmp_path
    assert settings.count == 4


def test_paths_of_options_are_noted_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "own.yaml").write_text("keypoints: [x]\n")
    (tmp_path / "l.mat").touch()
    given = {
        "output": "run",
        "start_from": "../w.pth",
        "labels": ("l.mat",),
        "skeleton": "own.yaml",
    }
    settings = train_settings(DannceTrainSettings, ("a",), given, "none")
    assert settings.output == tmp_path / "run"
    assert settings.start_from == tmp_path / "../w.pth"
    assert settings.experiments[0].labels == (tmp_path / "l.mat",)
    assert settings.experiments[0].skeleton == str(tmp_path / "own.yaml")
    with pytest.raises(ValueError, match=r"--labels m.mat: there is no .*m.mat or .*a.m.mat"):
        train_settings(DannceTrainSettings, ("a",), given | {"labels": ("m.mat",)}, "none")
    # so that the same file read elsewhere says the same
    noted = tmp_path / "run.yaml"
    noted.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    assert train_settings(DannceTrainSettings, (str(noted),), {}, "none") == settings


def test_parts_of_settings_may_be_left_to_training(tmp_path: Path) -> None:
    given = {"checkpoint": "x.pth", "volume__voxels": "32"}
    settings = predict_settings(DanncePredictSettings, str(tmp_path), given, "none")
    assert settings.volume is not None
    assert settings.volume.model_fields_set == {"voxels"}


def test_options_of_experiments(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    sources = (str(tmp_path / "a"), str(tmp_path / "b"))
    given = {"pixel_origin": "zero", "cameras": ("left", "right"), "width": "quarter"}
    settings = train_settings(DannceTrainSettings, sources, given, "none")
    assert [each.folder.name for each in settings.experiments] == ["a", "b"]
    assert all(each.cameras == ("left", "right") for each in settings.experiments)
    assert settings.width == 8


def test_files_of_several_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No two recordings have the same COMs, labels or masks."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name / "COM/predict").mkdir(parents=True)
        (tmp_path / name / "x_dannce.mat").touch()
    (tmp_path / "a/masks").mkdir()
    given = {"com": "COM/predict", "labels": ("x_dannce.mat",)}
    for here in (tmp_path, tmp_path / "a"):
        monkeypatch.chdir(here)
        sources = (str(tmp_path / "a"), str(tmp_path / "b"))
        settings = train_settings(DannceTrainSettings, sources, given, "none")
        assert [each.com for each in settings.experiments] == [
            tmp_path / name / "COM/predict" for name in "ab"
        ]
        assert settings.experiments[1].labels == (tmp_path / "b/x_dannce.mat",)
        for wrong in (
            {"com": str(tmp_path / "a/COM/predict")},
            {"com": "a/COM/predict"},
            {"masks": "masks"},
            {"labels": ("x_dannce.mat", "y_dannce.mat")},
        ):
            with pytest.raises(ValueError, match=r"of 2 experiments, and there is none in .*exper"):
                train_settings(DannceTrainSettings, sources, wrong, "none")
    # of one recording, both ways; what is there goes before what is not
    one = train_settings(DannceTrainSettings, (str(tmp_path / "b"),), given, "none")
    assert one.experiments[0].com == tmp_path / "a/COM/predict"
    monkeypatch.chdir("/")
    one = train_settings(DannceTrainSettings, (str(tmp_path / "b"),), given, "none")
    assert one.experiments[0].com == tmp_path / "b/COM/predict"


def test_options_of_experiments_win_over_files(tmp_path: Path) -> None:
    (tmp_path / "io.yaml").write_text("exp: [{label3d_file: a/x_dannce.mat}]\n")
    (tmp_path / "theirs.yaml").write_text("io_config: io.yaml\nnvox: 64\n")
    (tmp_path / "ours.yaml").write_text("experiments: [{folder: a}, {folder: b}]\n")
    for name, count in (("theirs", 1), ("ours", 2)):
        source = (str(tmp_path / f"{name}.yaml"),)
        settings = train_settings(DannceTrainSettings, source, {"com_gap": "7"}, "none")
        assert [each.com_gap for each in settings.experiments] == [7] * count
    with pytest.raises(ValueError, match=r"--com /com3d\.mat can not be of 2 experiments"):
        train_settings(DannceTrainSettings, source, {"com": "/com3d.mat"}, "none")


def test_configuration_of_the_reference_program(
    disc_scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = str(disc_scene.pose_labels[0])
    (tmp_path / "io.yaml").write_text(yaml.safe_dump({"exp": [{"label3d_file": labels}]}))
    config = {"io_config": "io.yaml", "nvox": 64, "vmin": -60, "vmax": 60, "epochs": 3, "lr": 1e-4,
              "net_type": "compressed_dannce", "gpu_id": "0"}  # fmt: skip
    file = tmp_path / "dannce.yaml"
    file.write_text(yaml.safe_dump(config))
    settings = train_settings(DannceTrainSettings, (str(file),), {"epochs": "5"}, "none")
    assert (settings.volume.voxels, settings.volume.size_mm) == (64, 120)
    assert (settings.epochs, settings.width) == (5, 32)
    assert settings.experiments[0].folder == disc_scene.folder
    assert "'gpu_id' is ignored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("experiments: []\nvoxels: 3\nepochs: 3\nwidth: 8\n", "no settings voxels; there are"),
        (
            "width: 8\nvolume_voxels: 16\n",
            "'volume_voxels: ...' is written as 'volume: {voxels: ...}'",
        ),
        ("widht: 8\nepochs: 3\n", "no settings widht; did you mean width?"),
        ("epochs: soon\n", "'epochs': Input should be a valid integer"),
        ("- 1\n", "it holds a list, not keys with values; expected a file of settings"),
        ("a: [", "line 1: expected the node content"),
        ("width: wide\n", "'width': neither a number nor one of quarter, half, compressed, full"),
    ],
)
def test_files_that_make_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(content)
    assert failing("train", "dannce", str(file)) == 2
    said = capsys.readouterr().err
    assert said.startswith("sdannce: ")
    assert str(file) in said
    assert message in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "com", "nowhere"), "does not exist; expected an experiment folder"),
        (("train", "com"), "Missing argument 'SOURCE...' (see sdannce train com --help)"),
        (("train", "pose"), "No such command 'pose' (see sdannce train --help)"),
        (("predict", "com", ".", "--stride", "2"), "No such option '--stride'"),
        (
            ("predict", "com", ".", "--checkpoint", "x", "--min-peak", "nan"),
            "--min-peak: Input should be a finite number",
        ),
        (("train", "com", ".", "--device", "gpu"), "--device: expected auto, cpu, mps, cuda, or"),
        (("train", "com", ".", "--epochs", "soon"), "--epochs: Input should be a valid integer"),
        (("predict", "dannce", "."), "sdannce: --checkpoint must be given"),
        (("predict", "com", ".", "--checkpoint", "no.pth"), "no.pth; expected a .safe"),
        (("info", "nowhere"), "does not exist"),
        # raised in other rooms than the command line's own
        (("info", str(Path(__file__).parent)), "neither videos nor a label file"),
        (("train", "com", str(Path(__file__).parent)), "neither videos nor a label file"),
    ],
)
def test_errors_of_the_user_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert failing(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing() == 2
    said = capsys.readouterr()
    assert "Commands:" in said.out + said.err


def test_a_camera_that_is_not_there(disc_scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert failing("train", "com", str(disc_scene.folder), "--cameras", "top") == 2
    assert "no camera 'top'; there are Camera1, Camera2" in capsys.readouterr().err


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


def test_errors_of_the_system_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, message in (
        (PermissionError(13, "Permission denied", "/there/runs"), "/there/runs: permission denied"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ModuleNotFoundError("no", name="torch.nn"), "pip install 'napari-sdannce[torch]'"),
        (OutOfMemoryError("CUDA out of memory"), "the memory of the GPU is full"),
        (MemoryError(), "the memory is full"),
    ):
        monkeypatch.setattr("napari_sdannce.cli.commands.train_settings", raising(error))
        assert failing("train", "com", ".") == 2
        said = capsys.readouterr().err
        assert message in said
        assert len(said.splitlines()) == 1


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_errors_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "napari_sdannce.cli.commands.train_settings", lambda *_: np.zeros(2).reshape(3)
    )
    with pytest.raises(ValueError, match="cannot reshape"):
        main(["train", "com", "."])
    for error in (RuntimeError("shapes"), ModuleNotFoundError("no", name="numpty")):
        monkeypatch.setattr("napari_sdannce.cli.commands.train_settings", raising(error))
        with pytest.raises(type(error)):
            main(["train", "com", "."])


def test_jobs_from_start_to_end(
    disc_scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = str(disc_scene.folder), tmp_path / "out"
    common = ["--width", "2", "--steps", "2", "--device", "cpu", "--progress"]
    main(["train", "com", source, *common, "json", "--output", str(out / "com"),
          "--image-downsample", "4"])  # fmt: skip
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines if line["event"] == "step"] == [1, 2]
    assert lines[-1]["event"] == "done"
    main(["train", "dannce", source, *common, "bar", "--output", str(out / "dannce"),
          "--volume-voxels", "8", "--volume-size-mm", "120", "--views", "all"])  # fmt: skip
    assert "epoch 1/1" in capsys.readouterr().err
    checkpoints = "checkpoints/last.safetensors"
    main(["predict", "com", source, "--checkpoint", str(out / "com" / checkpoints), "--count", "5",
          "--output", str(out / "c"), "--progress", "none", "--min-peak", "-9"])  # fmt: skip
    dannce = str(out / "dannce" / checkpoints)
    main(["predict", "dannce", source, "--checkpoint", dannce, "--com", str(out / "c"),
          "--count", "5", "--output", str(out / "p"), "--progress", "none"])  # fmt: skip
    assert capsys.readouterr().out == ""
    assert len(read_com_trace(out / "c")) == 5
    assert PoseStore.open(out / "p/poses.zarr").missing_chunks() == ()
    assert (out / "p/save_data_AVG0.mat").is_file()
    assert (out / "c/com3d0.mat").is_file()


@pytest.fixture
def untrained(tmp_path: Path) -> tuple[str, str]:
    """Checkpoints of a COM and a DANNCE network that fit the disc scene."""
    pytest.importorskip("torch")
    from napari_sdannce.models import (
        CheckpointInfo,
        ComConfig,
        DannceConfig,
        build_network,
        save_checkpoint,
    )

    com, dannce = ComConfig(n_animals=2, width=2), DannceConfig(n_views=4, n_keypoints=4, width=2)
    of_com = CheckpointInfo(network=com, image=ComImageSettings(downsample=4))
    of_dannce = CheckpointInfo(network=dannce, volume=VolumeSettings(voxels=8, size_mm=120))
    return (
        str(save_checkpoint(tmp_path / "weights/com", build_network(com, 0), of_com)),
        str(save_checkpoint(tmp_path / "weights/dannce", build_network(dannce, 0), of_dannce)),
    )


class Impatient:
    """A person who stops a job when the n-th event is told."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    @contextmanager
    def reporter(self, _: str) -> Iterator[Callable[[Event], None]]:
        def report(_: Event) -> None:
            self.patience -= 1
            if not self.patience:
                raise KeyboardInterrupt

        yield report


def test_a_stopped_job_says_how_to_go_on(
    disc_scene,
    untrained: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = str(disc_scene.folder)
    predict = ["predict", "com", source, "--checkpoint", untrained[0], "--chunk", "10",
               "--output", str(tmp_path / "c"), "--batch-size", "5"]  # fmt: skip
    train = ["train", "com", source, "--width", "2", "--steps", "50", "--device", "cpu",
             "--output", str(tmp_path / "run"), "--image-downsample", "4"]  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr("napari_sdannce.cli.progress.reporter", Impatient(5).reporter)
        assert failing(*predict) == 130
        assert capsys.readouterr().err == "stopped; the same command goes on where it was\n"
        # 4 cameras x 48 moments to read first
        patched.setattr("napari_sdannce.cli.progress.reporter", Impatient(192 + 6).reporter)
        assert failing(*train) == 130
        assert "the checkpoint 'last' of its folder" in capsys.readouterr().err
    assert ComStore.open(tmp_path / "c/com.zarr").missing_chunks()[0] == range(20, 30)
    main(predict)
    assert ComStore.open(tmp_path / "c/com.zarr").missing_chunks() == ()
    assert (tmp_path / "run/checkpoints/last.safetensors").is_file()


def test_jobs_that_do_not_fit_are_one_line(
    disc_scene, untrained: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, (com, dannce) = str(disc_scene.folder), untrained
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_bytes(b"")
    at = ("--output", str(tmp_path / "new"))
    trace, *_ = write_com(tmp_path, disc_scene.com, np.arange(48))
    poses = ("predict", "dannce", source, "--com", str(trace), "--checkpoint")
    for arguments, message in (
        (("predict", "com", source, "--checkpoint", dannce, *at), "holds a dannce network, expec"),
        (
            ("predict", "com", source, "--checkpoint", str(tmp_path / "weights"), *at),
            "a folder, expected a .s",
        ),
        ((*poses, com, *at), "holds a com network, expected a dannce or sdannce network"),
        ((*poses, dannce, *at, "--cameras", "Camera1"), "takes 4 views, "),
        ((*poses, dannce, *at, "--cameras", "Camera9"), "no camera 'Camera9'; there are Camera1,"),
        ((*poses, dannce, *at, "--com", dannce), "a file of type '.safetensors'; expected a store"),
        ((*poses, dannce, *at, "--start", "48"), "nothing to predict from moment 48 on"),
        ((*poses, dannce, *at, "--device", "cuda:99"), "device 'cuda:99' is not there"),
        ((*poses, dannce, "--output", str(tmp_path / "file")), "file is a file, expected a folder"),
        ((*poses, dannce, "--output", str(tmp_path / "file/x")), "file/x: not a directory"),
        (("train", "com", source, "--output", str(tmp_path / "full")), "full is not empty; choose"),
        (("train", "com", source, "--cameras", "Camera9", *at), "no camera 'Camera9'; there are"),
        (
            ("train", "com", source, "--start-from", dannce, *at),
            "can not be the start of a com network",
        ),
        (("train", "dannce", source, "--start-from", com, *at), "can not be the start of a dannce"),
        (("train", "dannce", source, "--skeleton", "rat23", *at), "it has 4 keypoints, no multip"),
        (("train", "dannce", source, "--com", source, *at), "it has none of them; expected"),
    ):
        assert failing(*arguments) == 2, arguments
        said = capsys.readouterr().err
        assert message in said, arguments
        assert len(said.splitlines()) == 1, said
        assert said.startswith("sdannce: ")
    assert not (tmp_path / "new").exists()


def test_import(disc_scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cameras = disc_scene.recording.cameras
    points = np.stack([camera.project(disc_scene.keypoints[:, 0]) for camera in cameras])
    names = np.array(disc_scene.recording.names)
    np.savez(tmp_path / "points.npz", points=points, cameras=names,
             keypoints=np.array(["nose", "left", "right", "tail"]))  # fmt: skip
    target, folder = tmp_path / "imported_dannce.mat", tmp_path / "experiment"
    shutil.copytree(disc_scene.folder, folder)
    (folder / "sdannce.yaml").write_text("fps: 25\n")
    wrong = str(tmp_path / "x.txt")
    assert failing("import", str(folder), "nowhere.npz", "--output", wrong) == 2
    assert "x.txt is to be a MATLAB file" in capsys.readouterr().err
    main(["import", str(folder), str(tmp_path / "points.npz"), "--output", str(target)])
    registered = (folder / "sdannce.yaml").read_text()
    assert registered == "fps: 25\nlabels:\n- ../imported_dannce.mat\n"
    assert "48 frames with keypoints in 3D" in capsys.readouterr().out
    labels = open_labels(target)
    np.testing.assert_allclose(labels.points_3d[:, 0], disc_scene.keypoints[:, 0], atol=0.01)


def test_words() -> None:
    assert [duration(s) for s in (5, 75, 7300)] == ["5 s", "1 min 15 s", "2 h 01 min"]
    assert in_words(Message(level="warning", text="x")) == "warning: x"
    epoch = EpochDone(epoch=2, total=9, metrics={"val": 0.5})
    assert in_words(epoch) == "epoch 2/9  val 0.5"
    assert in_words(TrainingStep(step=1, total=2, loss=1)) == ""


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_bars_do_not_trip_over_brackets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    with reporter("bar") as report:
        report(Progress(task="find", done=1, total=2, seconds_left=3))
        report(Message(text="in [odd] folder"))
    assert "in [odd] folder" in capsys.readouterr().err


def test_bars_stand_above_the_end_of_their_job(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with reporter("bar") as report:
        report(TrainingStep(step=3, total=3, loss=0.5, seconds_left=0))
        report(JobDone(seconds=3, outputs=("run",)))
        report(Progress(task="find", done=1, total=2, seconds_left=3))
    told = ESCAPES.sub("", capsys.readouterr().err)
    end = told.index("done in 3 s\nrun\n")
    assert "3/3 steps  loss 0.5" in told[:end]
    assert "train" not in told[end:]
    assert "1/2 frames  3 s left" in told[end:]
    with reporter("bar"):
        pass
    assert capsys.readouterr().err == ""


def test_without_a_terminal_progress_is_a_line_now_and_then() -> None:
    told: list[str] = []
    times = iter([0, 5, 14, 16, 17, 18])
    lines = Lines(told.append, clock=lambda: float(next(times)))
    for step in (1, 2, 3, 4, 5):
        lines.report(TrainingStep(step=step, total=5, loss=0.5, seconds_left=60))
    lines.report(Progress(task="find", done=1, total=9))  # each task has its own times
    lines.report(Message(text="in [odd] folder"))
    assert told == [
        "train 1/5 steps  loss 0.5  1 min 00 s left",
        "train 4/5 steps  loss 0.5  1 min 00 s left",
        "train 5/5 steps  loss 0.5  1 min 00 s left",
        "find 1/9 frames",
        "in [odd] folder",
    ]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({("learning_rate",): "7"}, "--learning-rate: "),
        ({("volume", "voxels"): "7"}, "--volume-voxels: "),
        ({("milestones",): ("x",)}, "--milestones: "),
        ({("losses",): ("L1Loss:x",)}, "--losses: 'L1Loss.weight': "),
        ({("losses",): ("Foo",)}, "--losses: no 'Foo'; there are L1Loss, "),
    ],
)
def test_errors_name_the_option(given: dict[tuple[str, ...], Any], place: str) -> None:
    with pytest.raises(ValueError, match=re.escape(place)):
        validated(DannceTrainSettings, merged({}, given), OPTIONS)
    (path,) = given
    with pytest.raises(ValueError, match=re.escape(f"here.yaml: '{'.'.join(path)}")):
        validated(DannceTrainSettings, merged({}, given), "here.yaml")
