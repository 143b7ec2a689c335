"""The panels "COM", "Train" and "Predict", with jobs in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import psutil
import pytest
import yaml
from qtpy.QtWidgets import QDialog, QFileDialog

from napari_sdannce.cli.sources import train_settings
from napari_sdannce.demo_data import sample_folder, sample_weights
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.files.settings_file import read_settings_file
from napari_sdannce.jobs.background import JOBS, BackgroundJob, JobNote, State
from napari_sdannce.jobs.checks import Check, Verdict
from napari_sdannce.settings import (
    DanncePredictSettings,
    ExperimentSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    JobDone,
    JobFailed,
    JobStopped,
    Message,
    Progress,
    TrainingStep,
)
from napari_sdannce.settings.losses import BoneLengthLoss
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.check_lines import CheckLines
from napari_sdannce.widgets.experiment_list import ExperimentList
from napari_sdannce.widgets.frame_preview import newest_com_network, predict_one
from napari_sdannce.widgets.job_panel import ComPanel, JobPanel, PredictPanel, TrainPanel
from napari_sdannce.widgets.job_view import JobView
from napari_sdannce.widgets.opening import Failed
from napari_sdannce.widgets.recording_layers import shown_in
from napari_sdannce.widgets.recording_panel import RecordingPanel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari

pytestmark = pytest.mark.window

WAIT_MS = 120_000


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    """One window for all tests here: opening one takes seconds."""
    import napari

    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


class Docked:
    """Panels in a window."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._panels: list[Any] = []

    def __call__(self, kind: Any) -> Any:
        panel = kind(self._viewer)
        self._viewer.window.add_dock_widget(panel, name=kind.__name__, area="right")
        self._panels.append(panel)
        return panel

    def close(self, panel: Any) -> None:
        self._panels.remove(panel)
        napari_adapter.undock(self._viewer, panel)
        panel.deleteLater()


@pytest.fixture
def docked(viewer: napari.Viewer) -> Iterator[Docked]:
    """Opens panels in the window, and closes them at the end."""
    docked = Docked(viewer)
    yield docked
    viewer.layers.clear()
    for panel in list(docked._panels):
        docked.close(panel)


@pytest.fixture(autouse=True)
def _no_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 3D view takes seconds to open without a graphics card."""
    monkeypatch.setattr(napari_adapter, "has_window", lambda viewer: False)


@pytest.fixture
def discs(disc_scene: Any, tmp_path: Path) -> Path:
    """An experiment that may be written to."""
    folder = tmp_path / "discs"
    shutil.copytree(disc_scene.folder, folder)
    return folder


def checked(panel: JobPanel, what: tuple[str, str], qtbot: Any) -> list[Check]:
    page = panel.pages[what]
    with qtbot.waitSignal(page.checked, timeout=WAIT_MS):
        page.check()
    return list(page.lines.checks)


def choose(panel: JobPanel, what: tuple[str, str], values: dict[tuple[str, ...], Any]) -> None:
    for path, value in values.items():
        panel.pages[what].form.rows[path].editor.set(value)


TRAIN_COM = ("train", "com")
TINY = {("image", "downsample"): 8, ("width",): 1, ("steps",): "100000", ("device",): "cpu",
        ("validate_every",): 100_000}  # fmt: skip


def test_a_job_goes_on_without_the_panel_and_is_found_again(
    docked: Docked, discs: Path, qtbot: Any
) -> None:
    panel = docked(ComPanel)
    panel.experiments.add([discs])
    choose(panel, TRAIN_COM, TINY)
    found = checked(panel, TRAIN_COM, qtbot)
    assert not [check for check in found if check.verdict is Verdict.BAD]
    panel.pages[TRAIN_COM].start_button.click()
    (job,) = panel.jobs.jobs
    assert job.note.output == discs / "COM" / "train"
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Jobs (1 running)"
    qtbot.waitUntil(lambda: steps_of(panel) > 0 or ended(panel), timeout=WAIT_MS)
    docked.close(panel)

    again = docked(ComPanel)
    again.experiments.add([discs])
    assert again.jobs.view.job == job
    assert again.jobs.view.state is State.RUNNING, again.jobs.view.detail.text()
    before = steps_of(again)
    assert before > 0
    qtbot.waitUntil(lambda: steps_of(again) > before, timeout=WAIT_MS)
    view = again.jobs.view
    view.stop_button.click()
    assert view.stop_button.text() == "End at once"
    view.look()
    assert ended(again) or view.detail.text() == "It saves what it has and ends …"
    qtbot.waitUntil(lambda: ended(again), timeout=WAIT_MS)
    assert view.state is State.STOPPED
    assert view.headline.text() == "Stopped"
    assert view.load_button.text() == "Predict with this network"
    assert not view.go_on_button.isHidden()
    view.load_button.click()
    assert again.tabs.tabText(again.tabs.currentIndex()) == "Predict"
    given = again.pages[("predict", "com")].form.rows[("checkpoint",)].editor.get()
    assert given == str(discs / "COM" / "train" / "checkpoints" / "last.safetensors")


def steps_of(panel: JobPanel) -> int:
    panel.jobs.look()
    return panel.jobs.view.course.done if panel.jobs.view.course.losses.steps else 0


def ended(panel: JobPanel) -> bool:
    panel.jobs.look()
    return panel.jobs.view.state is not State.RUNNING


def a_job(
    experiment: Path, what: tuple[str, str], *events: Event, alive: bool = True
) -> BackgroundJob:
    """A job's folder, written by hand; its process is ours, or nobody's."""
    from datetime import UTC, datetime

    folder = experiment / JOBS / "-".join(what)
    folder.mkdir(parents=True)
    ours = psutil.Process()
    note = JobNote(
        what=what,
        command=("sdannce", *what),
        pid=os.getpid(),
        process_started=ours.create_time() if alive else 0.0,
        computer=os.uname().nodename if hasattr(os, "uname") else "",
        started=datetime(2026, 1, 1, 12, tzinfo=UTC),
        experiments=(experiment,),
        output=experiment / "run",
    )
    (folder / "job.json").write_text(note.model_dump_json())
    job = BackgroundJob(folder, note)
    say(job, *events)
    return job


def say(job: BackgroundJob, *events: Event) -> None:
    with job.events_file.open("a") as file:
        file.writelines(event.model_dump_json() + "\n" for event in events)


@pytest.fixture
def view(qtbot: Any) -> JobView:
    view = JobView()
    qtbot.addWidget(view)
    return view


def test_a_training_from_start_to_end(view: JobView, tmp_path: Path) -> None:
    job = a_job(tmp_path, ("train", "dannce"))
    view.follow(job)
    assert view.headline.text() == "Starting …"
    assert view.bar.maximum() == 0  # it moves to and fro
    assert view.load_button.isHidden()
    assert not view.curves.nothing.isHidden()
    say(job, Progress(task="read labelled frames", done=2, total=8, unit="poses"))
    view.look()
    assert (view.headline.text(), view.bar.value()) == ("Reading labelled frames", 2)
    metrics = {"val_L1Loss": 4.0, "val_euclidean_distance_3D": 9.25}
    step = TrainingStep(step=5, total=10, loss=3.0, seconds_left=90.0)
    say(
        job,
        step,
        EpochDone(epoch=1, total=2, metrics=metrics),
        Message(level="warning", text="Dark."),
    )
    view.look()
    assert view.headline.text() == "Training, 1 min 30 s left"
    assert view.advice.text().startswith("<b>Stop</b>: when the validation error")
    said = view.detail.text().replace("\u200b", "")
    assert said == "5 of 10 steps, epoch 1 of 2, error 9.25 mm\nDark."
    curves = [item.getData()[1].tolist() for item in view.curves.error.area.listDataItems()]
    assert curves == [[9.25]]
    assert view.curves.nothing.isHidden()
    samples = tmp_path / "run" / "samples"
    samples.mkdir(parents=True)
    cv2.imwrite(str(samples / "epoch-1.png"), np.zeros((20, 30, 3), np.uint8))
    network = tmp_path / "run" / "best.safetensors"
    network.touch()
    say(job, CheckpointSaved(path=str(network)), JobDone(seconds=61, outputs=("/run",)))
    view.look()
    assert (view.headline.text(), view.state) == ("Finished in 1 min 01 s", State.FINISHED)
    assert view.bar.value() == view.bar.maximum()
    assert view.stop_button.isHidden()
    assert not view.load_button.isHidden()
    assert view.picture.path == samples / "epoch-1.png"
    assert "<b>Next</b>: s-DANNCE, started from this network" in view.advice.text()
    assert view.log.toPlainText().endswith("\n/run")


def test_each_part_of_a_validation_loss_has_its_name(view: JobView, tmp_path: Path) -> None:
    metrics = {"train_L1Loss": 3.0, "val_L1Loss": 4.0, "val_BoneLengthLoss": 0.5}
    step = TrainingStep(step=5, total=10, loss=3.0)
    view.follow(
        a_job(tmp_path, ("train", "sdannce"), step, EpochDone(epoch=1, total=2, metrics=metrics))
    )
    plot = view.curves.loss
    drawn = {item.name(): item.getData()[1].tolist() for item in plot.area.listDataItems()}
    assert drawn == {
        "training": [3.0],
        "validation L1Loss": [4.0],
        "validation BoneLengthLoss": [0.5],
    }
    assert plot.area.plotItem.legend is None
    said = plot.names.text().replace("&nbsp;", " ")
    assert all(f"</span> {name}" in said for name in drawn)


def test_names_of_curves_are_wrapped_in_a_narrow_dock(view: JobView, tmp_path: Path) -> None:
    metrics = {f"val_{name}Loss": 1.0 for name in ("L1", "BoneLength", "Consistency", "Silhouette")}
    step = TrainingStep(step=5, total=10, loss=3.0)
    view.follow(
        a_job(tmp_path, ("train", "sdannce"), step, EpochDone(epoch=1, total=2, metrics=metrics))
    )
    plot = view.curves.loss
    assert plot.minimumSizeHint().width() < 300
    assert plot.names.heightForWidth(300) > 2 * plot.names.fontMetrics().height()


def test_a_failed_job_shows_why_and_what_libraries_said(view: JobView, tmp_path: Path) -> None:
    job = a_job(tmp_path, ("predict", "com"), JobFailed(text="the disk is full"))
    job.log_file.write_text("OSError: 28\n")
    view.follow(job)
    assert view.headline.text() == "It failed"
    assert view.advice.isHidden()
    assert view.detail.text() == "The disk is full"
    assert "OSError: 28" in view.log.toPlainText()
    assert view.tabs.currentWidget() is view.log
    assert view.load_button.isHidden()


def test_a_job_shows_nothing_that_another_one_made(view: JobView, tmp_path: Path) -> None:
    failed = a_job(tmp_path, ("train", "dannce"), JobFailed(text="not a checkpoint"))
    before = failed.note.started.timestamp() + 5
    os.utime(failed.events_file, (before, before))
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "samples").mkdir()
    for name in ("best", "last"):
        (run / "checkpoints" / f"{name}.safetensors").touch()
    cv2.imwrite(str(run / "samples" / "epoch-1.png"), np.zeros((9, 9, 3), np.uint8))
    view.follow(failed)
    assert view.load_button.isHidden()
    assert view.go_on_button.isHidden()
    assert view.picture.path is None
    # one that ran as long as the files are being written
    good = a_job(tmp_path / "b", ("train", "dannce"), JobStopped(text="saved"))
    own = BackgroundJob(good.folder, good.note.model_copy(update={"output": run}))
    view.follow(own)
    assert not view.go_on_button.isHidden()
    view.picture.open_button.click()
    enlarged = view.findChild(QDialog)
    assert enlarged.windowTitle().endswith("epoch-1.png")
    assert not enlarged.isHidden()
    assert view.detail.text().startswith("What it has learned is saved")
    assert view.picture.path == run / "samples" / "epoch-1.png"
    # of a prediction, whole chunks are kept
    from napari_sdannce.predictions import ComStore, Job
    from napari_sdannce.predictions.com_store import ComChunk

    stopped = a_job(tmp_path / "c", ("predict", "com"), JobStopped(text="go on with: sdannce"))
    view.follow(stopped)
    assert view.detail.text().startswith("Nothing of it is kept yet")
    store = ComStore.create(
        tmp_path / "c" / "run" / "com.zarr", np.arange(6), Job(animals=("a",), cameras=("b",)),
        chunk=4,
    )  # fmt: skip
    peaks = np.zeros((4, 1, 1, 2))
    store.write(0, ComChunk(np.ones((4, 1, 3)), np.ones((4, 1)), peaks, peaks[..., 0]))
    view.follow(None)
    view.follow(stopped)
    assert view.detail.text().startswith("4 of 6 frames are kept")
    # a prediction that failed at once, in the folder of another one
    (run / "poses.zarr").mkdir()
    for event, is_hidden in ((JobFailed(text="no"), True), (JobDone(seconds=1), False)):
        name = "failed" if is_hidden else "done"
        job = a_job(tmp_path / name, ("predict", "dannce"), event)
        view.follow(BackgroundJob(job.folder, job.note.model_copy(update={"output": run})))
        assert view.load_button.isHidden() == is_hidden


def test_a_killed_job(view: JobView, tmp_path: Path) -> None:
    step = TrainingStep(step=5, total=10, loss=3.0, seconds_left=90.0)
    view.follow(a_job(tmp_path, ("train", "com"), step, alive=False))
    assert view.headline.text() == "It ended without a word"
    assert view.stop_button.isHidden()


def test_jobs_of_other_kinds_are_listed_by_their_own_panels(docked: Docked, tmp_path: Path) -> None:
    known = (*ComPanel.kinds, *TrainPanel.kinds, *PredictPanel.kinds)
    for what in (kind.what for kind in known):
        a_job(tmp_path, what, JobDone(seconds=1))
    listed = {}
    for kind in (ComPanel, TrainPanel, PredictPanel):
        panel = docked(kind)
        panel.experiments.add([tmp_path])
        listed[kind] = {job.note.what for job in panel.jobs.jobs}
    assert listed == {
        ComPanel: {("train", "com"), ("predict", "com")},
        TrainPanel: {("train", "dannce"), ("train", "sdannce")},
        PredictPanel: {("predict", "dannce")},
    }


def test_a_result_is_drawn_over_its_recording(
    docked: Docked, folder: Path, poses: Any, tmp_path: Path, qtbot: Any, monkeypatch: Any
) -> None:
    from napari_sdannce.predictions import Job, PoseChunk, PoseStore

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    job = Job(animals=poses.animals, keypoints=poses.keypoints)
    store = PoseStore.open_or_create(
        experiment / "run" / "poses.zarr", poses.sample_ids, job, chunk=12
    )
    store.write(0, PoseChunk(poses.positions, poses.confidence, poses.positions[:, :, 0]))
    store.finish()
    a_job(experiment, ("predict", "dannce"), JobDone(seconds=1))
    recording, panel = docked(RecordingPanel), docked(PredictPanel)
    monkeypatch.setattr(napari_adapter, "open_panel", lambda *_: recording)
    panel.experiments.add([experiment])
    assert panel.jobs.view.load_button.text() == "Load result"
    assert "<b>Look at</b>: frames of low confidence" in panel.jobs.view.advice.text()
    with qtbot.waitSignal(recording.marks_opened, timeout=WAIT_MS):
        panel.jobs.view.load_button.click()
    (drawn,) = recording.shown.drawn
    assert drawn.marks.name == "run"
    assert len(drawn.marks.moments()) == 12
    assert recording.shown.recording.folder == experiment


@pytest.mark.parametrize("chosen", [None, "mine"])
def test_a_job_writes_where_the_check_says(
    docked: Docked, discs: Path, tmp_path: Path, qtbot: Any, chosen: str | None
) -> None:
    """A network that is no network: the job fails at once, and where it would write is known."""
    checkpoint = tmp_path / "net.safetensors"
    checkpoint.touch()
    about = {"kind": "sdannce", "n_views": 4, "n_keypoints": 4, "width": 8}
    volume = {"size_mm": 140, "voxels": 16}
    about = {"network": about, "cameras": [], "volume": volume}
    checkpoint.with_suffix(".json").write_text(json.dumps(about))
    first = discs / "SDANNCE" / "predict"
    first.mkdir(parents=True)
    (first / "save_data_AVG.mat").touch()
    panel = docked(PredictPanel)
    panel.experiments.add([discs])
    page = panel.pages[("predict", "dannce")]
    output = tmp_path / chosen if chosen else None
    choose(panel, page.kind.what, {("checkpoint",): checkpoint, ("output",): output})
    found = checked(panel, page.kind.what, qtbot)
    expected = output or first.with_name("predict-2")
    said = str(output) if output else "SDANNCE/predict-2, as SDANNCE/predict holds results of"
    assert f"results go to {said}" in "\n".join(check.text for check in found)
    page.start_button.click()
    (job,) = panel.jobs.jobs
    qtbot.waitUntil(lambda: ended(panel), timeout=WAIT_MS)
    assert job.note.output == expected
    assert yaml.safe_load(job.settings_file.read_text())["output"] == str(expected)


def test_the_panel_says_where_a_run_goes(docked: Docked, discs: Path, qtbot: Any) -> None:
    (discs / "DANNCE" / "train").mkdir(parents=True)
    (discs / "DANNCE" / "train" / "config.yaml").touch()
    panel = docked(TrainPanel)
    panel.experiments.add([discs])
    said = [check.text for check in checked(panel, ("train", "dannce"), qtbot)]
    assert "results go to DANNCE/train-2" in said
    choose(panel, ("train", "dannce"), {("output",): discs / "mine"})
    said = [check.text for check in checked(panel, ("train", "dannce"), qtbot)]
    assert not [text for text in said if text.startswith("results go to")]


def test_start_waits_for_what_is_missing(docked: Docked, discs: Path, qtbot: Any) -> None:
    panel = docked(PredictPanel)
    page = panel.pages[("predict", "dannce")]
    page.check()
    assert not page.start_button.isEnabled()
    panel.experiments.add([discs])
    page.check()
    assert not page.start_button.isEnabled()
    assert page.form.rows[("checkpoint",)].trouble == "must be given"
    assert page.lines.text() == "Still missing or wrong: Network must be given."
    page.form.rows[("checkpoint",)].editor.set("/nowhere.pth")
    found = checked(panel, page.kind.what, qtbot)
    assert "there is no network" in "".join(check.text for check in found)
    assert page.start_button.text() == "Start anyway"
    assert page.start_button.isEnabled()
    assert "2 to be mended" in page.summary.text()


def test_an_experiment_that_can_not_be_written_to(
    docked: Docked, disc_scene: Any, tmp_path: Path, qtbot: Any
) -> None:
    panel = docked(TrainPanel)
    panel.experiments.add([disc_scene.folder])
    checked(panel, ("train", "dannce"), qtbot)
    (disc_scene.folder / ".sdannce").touch()  # where its folder should be
    try:
        panel.pages[("train", "dannce")].start()
    finally:
        (disc_scene.folder / ".sdannce").unlink()
    assert "It could not be started" in panel.status
    assert not panel.jobs.jobs


def test_the_recording_on_screen_is_chosen(
    docked: Docked, viewer: napari.Viewer, folder: Path, qtbot: Any
) -> None:
    recording, panel = docked(RecordingPanel), docked(TrainPanel)
    assert panel.experiments.folders == ()
    with qtbot.waitSignal(recording.opened, timeout=WAIT_MS):
        recording.open(folder)
    qtbot.waitUntil(lambda: panel.experiments.current == folder, timeout=WAIT_MS)
    assert docked(PredictPanel).experiments.folders == (folder,)


def test_a_recording_that_napari_opens_is_chosen(
    docked: Docked, viewer: napari.Viewer, folder: Path, qtbot: Any
) -> None:
    panel = docked(PredictPanel)
    viewer.open(folder, plugin="napari-sdannce")
    qtbot.waitUntil(lambda: panel.experiments.current == folder, timeout=WAIT_MS)


def test_a_recording_in_passing_is_not_learned_from(
    docked: Docked, viewer: napari.Viewer, folder: Path, tmp_path: Path, qtbot: Any
) -> None:
    recording, panel = docked(RecordingPanel), docked(TrainPanel)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    for each in (folder, other):
        with qtbot.waitSignal(recording.opened, timeout=WAIT_MS):
            recording.open(each)
        qtbot.waitUntil(lambda here=each: panel.experiments.folders == (here,), timeout=WAIT_MS)
    # one that a person has said something of stays
    panel.experiments.describe({"cameras": ["a"]}, None)
    with qtbot.waitSignal(recording.opened, timeout=WAIT_MS):
        recording.open(folder)
    qtbot.waitUntil(lambda: panel.experiments.folders == (other, folder), timeout=WAIT_MS)


@pytest.fixture
def chosen_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a person chooses whenever asked for one."""
    file = tmp_path / "config.yaml"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(file), ""))
    return file


def test_settings_of_a_run_are_taken_over(docked: Docked, discs: Path, chosen_file: Path) -> None:
    here = chosen_file.parent
    noted = {
        "experiments": [{"folder": "discs", "cameras": ["a", "b"], "com": "com3d.mat",
                         "labels": ["x_dannce.mat"], "masks": "masks", "skeleton": "rat23"}],
        "epochs": 3, "output": "DANNCE/train", "start_from": "net.pth", "volume": {"voxels": 16},
        "losses": ["L1Loss", {"name": "BoneLengthLoss", "priors": "rat.npy"}],
    }  # fmt: skip
    chosen_file.write_text(yaml.safe_dump(noted))
    panel = docked(TrainPanel)
    panel.experiments.add([here / "another"])
    page = panel.pages[("train", "sdannce")]
    page.file_button.click()
    settings = page.settings()
    assert isinstance(settings, SdannceTrainSettings)
    assert settings.experiments == (
        ExperimentSettings(folder=discs, cameras=("a", "b"), com=here / "com3d.mat",
                           labels=(here / "x_dannce.mat",), masks=here / "masks", skeleton="rat23"),
    )  # fmt: skip
    assert panel.experiments.folders == (discs,)
    assert (settings.epochs, settings.volume.voxels) == (3, 16)
    assert settings.start_from == here / "net.pth"
    assert isinstance(settings.losses[1], BoneLengthLoss)
    assert settings.losses[1].priors == here / "rat.npy"
    assert settings.output is None
    assert "the results folder is left open" in page.notes.text()
    chosen_file.write_text("epochs: soon\n")
    page.file_button.click()
    assert panel.status.startswith("config.yaml: 'epochs': Input should be a valid integer")
    assert page.settings() == settings
    assert page.notes.isHidden()


def test_a_com_training_asks_for_no_coms(docked: Docked, tmp_path: Path) -> None:
    panel = docked(ComPanel)
    panel.experiments.add([tmp_path])
    rows = panel.pages[TRAIN_COM].one.rows
    assert {("labels",), ("cameras",)} <= set(rows)
    assert not {("com",), ("com_gap",), ("masks",)} & set(rows)


def test_each_experiment_has_settings_of_its_own(docked: Docked, tmp_path: Path) -> None:
    monday, tuesday = tmp_path / "monday", tmp_path / "tuesday"
    panel = docked(TrainPanel)
    dannce, sdannce = panel.pages.values()
    panel.experiments.add([monday, tuesday])
    for row, (name, cameras) in enumerate([("m", "left, top"), ("t", "")]):
        panel.experiments.list.setCurrentRow(row)
        dannce.one.rows[("com",)].editor.set(f"/{name}/com3d.mat")
        dannce.one.rows[("labels",)].editor.set(f"/{name}_dannce.mat")
        dannce.one.rows[("cameras",)].editor.set(cameras)
    expected = tuple(
        ExperimentSettings(
            folder=folder, com=f"/{name}/com3d.mat", labels=(f"/{name}_dannce.mat",), **more
        )
        for folder, name, more in (
            (monday, "m", {"cameras": ("left", "top")}),
            (tuesday, "t", {}),
        )
    )
    assert dannce.settings().experiments == expected
    # both networks learn of the same labels
    assert sdannce.settings().experiments == expected
    panel.experiments.list.setCurrentRow(0)
    assert sdannce.one.more.text() == "Cameras and labels of monday (m)"
    assert sdannce.one.rows[("cameras",)].editor.get() == ["left", "top"]
    panel.experiments.remove_button.click()
    assert dannce.settings().experiments == expected[1:]
    assert dannce.one.rows[("com",)].editor.get() == "/t/com3d.mat"


def test_relative_paths_are_meant_from_their_experiment(docked: Docked, tmp_path: Path) -> None:
    monday, tuesday = tmp_path / "monday", tmp_path / "tuesday"
    panel = docked(TrainPanel)
    page = panel.pages[("train", "dannce")]
    panel.experiments.add([monday, tuesday])
    for row in (0, 1):
        panel.experiments.list.setCurrentRow(row)
        page.one.rows[("com",)].editor.set("COM/com3d.mat")
        page.one.rows[("labels",)].editor.set("a_dannce.mat, b_dannce.mat")
    page.form.rows[("start_from",)].editor.set("../weights.safetensors")
    settings = page.settings()
    assert settings.start_from == monday / "../weights.safetensors"
    for each, folder in zip(settings.experiments, (monday, tuesday), strict=True):
        assert each.com == folder / "COM" / "com3d.mat"
        assert each.labels == (folder / "a_dannce.mat", folder / "b_dannce.mat")

    predict = docked(PredictPanel)
    predict.experiments.add([monday, tuesday])
    page = predict.pages[("predict", "dannce")]
    page.form.rows[("checkpoint",)].editor.set("DANNCE/train/best.safetensors")
    page.form.rows[("output",)].editor.set("mine")
    settings = page.settings()
    assert settings.checkpoint == tuesday / "DANNCE" / "train" / "best.safetensors"
    assert settings.output == tuesday / "mine"


def test_what_is_wrong_with_an_experiment_out_of_sight_is_said(
    docked: Docked, tmp_path: Path
) -> None:
    panel = docked(TrainPanel)
    panel.experiments.add([tmp_path / "monday", tmp_path / "tuesday"])
    page = panel.pages[("train", "dannce")]
    page.one.rows[("com_median",)].editor.set("many")
    panel.experiments.list.setCurrentRow(0)
    page.check()
    assert page.lines.text() == (
        "Still missing or wrong: a setting of tuesday: choose it in the list."
    )
    assert not page.start_button.isEnabled()
    panel.experiments.list.setCurrentRow(1)
    page.check()
    assert page.one.rows[("com_median",)].trouble == "must be a whole number"


def test_a_file_replaces_the_experiments_and_gives_each_its_own(
    docked: Docked, tmp_path: Path, chosen_file: Path
) -> None:
    each = [{"folder": "a", "com": "a/com3d.mat"}, {"folder": "b", "labels": ["b_dannce.mat"]}]
    chosen_file.write_text(yaml.safe_dump({"experiments": each}))
    panel = docked(TrainPanel)
    panel.experiments.add([tmp_path / "old", tmp_path / "b"])
    page = panel.pages[("train", "dannce")]
    page.one.rows[("com",)].editor.set("/old/com3d.mat")
    page.file_button.click()
    assert page.settings().experiments == (
        ExperimentSettings(folder=tmp_path / "a", com=tmp_path / "a" / "com3d.mat"),
        ExperimentSettings(folder=tmp_path / "b", labels=(tmp_path / "b_dannce.mat",)),
    )
    chosen_file.write_text("epochs: 7\n")  # names none: those that are there stay
    page.file_button.click()
    assert [one.folder.name for one in page.settings().experiments] == ["a", "b"]


def test_a_reference_configuration_is_taken_over(
    docked: Docked, checkout: Path, tmp_path: Path, chosen_file: Path
) -> None:
    folder = tmp_path / "day0"
    folder.mkdir()
    shutil.copy(checkout / "configs" / "io_example.yaml", folder / "io.yaml")
    shutil.copy(checkout / "configs" / "sdannce_rat.yaml", chosen_file)
    panel = docked(TrainPanel)
    panel.experiments.add([folder])
    page = panel.pages[("train", "sdannce")]
    page.file_button.click()
    settings = page.settings()
    # the command line, run in that folder, takes the same
    with contextlib.chdir(folder):
        asked = train_settings(SdannceTrainSettings, (str(chosen_file),), {}, "none")
    assert settings == asked.model_copy(update={"output": None})
    assert len(panel.experiments.experiments) == 2  # two animals of one recording
    assert panel.experiments.list.item(0).text().startswith("day1 (20260101_rat1)")
    said = page.notes.text().replace("\u200b", "")
    ignored = read_settings_file(chosen_file, SdannceTrainSettings, experiment=folder).ignored
    assert ignored
    assert all(each.note in said for each in ignored)


def test_a_reference_prediction_is_taken_over(
    docked: Docked, checkout: Path, tmp_path: Path, chosen_file: Path
) -> None:
    shutil.copy(checkout / "configs" / "io_example.yaml", tmp_path / "io.yaml")
    shutil.copy(checkout / "configs" / "sdannce_rat.yaml", chosen_file)
    panel = docked(PredictPanel)
    page = panel.pages[("predict", "dannce")]
    page.file_button.click()
    assert panel.experiments.folders == (tmp_path,)
    settings = page.settings()
    assert isinstance(settings, DanncePredictSettings)
    assert settings.com == tmp_path / "COM" / "predict" / "com3d.mat"
    assert settings.output is None


def test_one_frame_is_predicted(
    docked: Docked, viewer: napari.Viewer, qtbot: Any, tmp_path: Path
) -> None:
    recording, panel = docked(RecordingPanel), docked(PredictPanel)
    panel.preview.predict()
    assert panel.status.startswith("Open the recording first")
    with qtbot.waitSignal(recording.opened, timeout=WAIT_MS):
        recording.open(sample_folder())
    truth = np.load(sample_folder() / "truth.npz")["keypoints"]
    com, *_ = write_com(tmp_path, truth.mean(axis=2), np.arange(len(truth)))
    given = {("checkpoint",): sample_weights().pose, ("com",): com, ("device",): "cpu"}
    choose(panel, ("predict", "dannce"), given)
    recording.shown.go_to(40)
    with qtbot.waitSignal(panel.preview.shown, timeout=WAIT_MS):
        panel.preview.button.click()
    assert panel.status == "Frame 40 is predicted."
    shown = shown_in(viewer)
    assert shown is not None
    (drawn,) = shown.drawn
    assert drawn.marks.moments().tolist() == [40]
    assert shown.moment == 40
    # rings, so that they are not taken for a result
    points = drawn.cameras[shown.recording.names[0]].points
    assert points.shown.any()
    assert not points.face_color[:, 3].any()
    panel.experiments.add([tmp_path])
    panel.preview.predict()
    assert panel.status == (
        f"{sample_folder().name} is on screen, {tmp_path.name} is chosen: choose the one on screen "
        "in the list at the top, or open the other."
    )


def test_a_frame_without_a_com_trace_needs_a_network(discs: Path) -> None:
    assert newest_com_network(discs) is None
    settings = DanncePredictSettings(experiment=discs, checkpoint=discs / "net.pth")
    result = predict_one(("predict", "dannce"), settings, None)
    assert isinstance(result, Failed)
    assert result.message.endswith("in the panel COM, or choose a COM network below")
    for time, name in enumerate(("train-2", "train")):
        path = discs / "COM" / name / "checkpoints" / "best.safetensors"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (time, time))
    assert newest_com_network(discs) == path


def test_check_lines_show_the_worst_first(qtbot: Any) -> None:
    lines = CheckLines()
    qtbot.addWidget(lines)
    assert not lines.is_bad
    words = ("good", "bad", "careful", "bad")
    lines.show_checks([Check(Verdict(word), word) for word in words])
    assert [check.text for check in lines.checks] == ["bad", "careful", "good"]
    assert lines.is_bad
    assert "1 to be mended" in lines.in_short()
    assert "1 worth a look" in lines.in_short()
    lines.say("Choose something.")
    assert not lines.is_bad
    assert lines.in_short() == ""


def test_experiments_are_added_once_and_removed(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments = ExperimentList()
    qtbot.addWidget(experiments)
    assert experiments.current is None
    for name in ("a", "b", "a"):
        monkeypatch.setattr(
            QFileDialog, "getExistingDirectory", lambda *_, name=name: str(tmp_path / name)
        )
        experiments.add_button.click()
    assert experiments.folders == (tmp_path / "a", tmp_path / "b")
    assert experiments.current == tmp_path / "a"
    experiments.remove_button.click()
    assert experiments.folders == (tmp_path / "b",)
    experiments.remove_button.click()
    assert experiments.folders == ()
    assert not experiments.remove_button.isEnabled()


def test_a_check_of_earlier_settings_shows_nothing(
    docked: Docked, discs: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading
    from dataclasses import replace

    panel = docked(PredictPanel)
    panel.experiments.add([discs])
    page = panel.pages[("predict", "dannce")]
    go, begun = threading.Event(), threading.Event()

    def slow(settings: Any) -> list[Check]:
        begun.set()
        assert go.wait(20)
        return [Check(Verdict.GOOD, "of earlier settings")]

    page.kind = replace(page.kind, check=slow)
    page.form.rows[("checkpoint",)].editor.set("/nets/net.pth")
    page.check()
    assert begun.wait(20)
    page.form.rows[("checkpoint",)].editor.set("")
    page.check()
    said = "Still missing or wrong: Network must be given."
    assert page.lines.text() == said
    go.set()
    qtbot.waitUntil(lambda: page._worker is None, timeout=WAIT_MS)
    assert page.lines.text() == said
    assert not page.start_button.isEnabled()


@pytest.mark.parametrize("text", ["~nobody_of_this_name", "~"])
def test_a_home_that_is_not_there(docked: Docked, discs: Path, qtbot: Any, text: str) -> None:
    panel = docked(PredictPanel)
    panel.experiments.add([discs])
    choose(panel, ("predict", "dannce"), {("checkpoint",): text})
    found = checked(panel, ("predict", "dannce"), qtbot)
    assert any(check.verdict is Verdict.BAD for check in found)
