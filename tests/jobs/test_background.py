"""Jobs as real processes: they outlive who started them, are found again, and can be stopped."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from napari_sdannce.cli import main
from napari_sdannce.jobs.background import JOBS, BackgroundJob, JobNote, State, find_job, jobs_of
from napari_sdannce.jobs.course import Course
from napari_sdannce.jobs.following import Following
from napari_sdannce.jobs.starting import go_on
from napari_sdannce.settings import (
    ComImageSettings,
    ComTrainSettings,
    ExperimentSettings,
)
from napari_sdannce.settings.events import JobDone, JobFailed, JobStopped, TrainingStep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WAIT_SECONDS = 120


def settings_for(disc_scene: Any, folder: Path, **more: Any) -> ComTrainSettings:
    experiment = ExperimentSettings(folder=disc_scene.folder, labels=(disc_scene.com_labels,))
    given = {"image": ComImageSettings(downsample=8), "width": 1, "steps": 100_000,
             "validation_frames": 2, "validate_every": 100_000, "device": "cpu"}  # fmt: skip
    return ComTrainSettings(experiments=(experiment,), output=folder / "run", **(given | more))


def wait_until(true: Callable[[], bool]) -> None:
    """Look again and again; fail when it takes too long."""
    pause = threading.Event()
    for _ in range(WAIT_SECONDS * 20):
        if true():
            return
        pause.wait(0.05)
    pytest.fail(f"not true within {WAIT_SECONDS} s")


def followed(job: BackgroundJob, until: Callable[[Course], bool]) -> Course:
    course, following = Course(), Following(job.events_file)

    def reached() -> bool:
        course.add(following.new())
        return until(course) or job.process() is None

    wait_until(reached)
    course.add(following.new())
    return course


START = """
import sys
from pathlib import Path
from napari_sdannce.jobs.starting import start_job
from napari_sdannce.settings import ComTrainSettings
settings = ComTrainSettings.model_validate_json(Path(sys.argv[1]).read_text())
start_job(("train", "com"), settings, [Path(sys.argv[2])], output=settings.output)
"""


def test_a_job_outlives_who_started_it_and_is_found_again(disc_scene: Any, tmp_path: Path) -> None:
    settings = settings_for(disc_scene, tmp_path)
    (tmp_path / "given.json").write_text(settings.model_dump_json())
    arguments = [str(tmp_path / "given.json"), str(tmp_path)]
    subprocess.run([sys.executable, "-c", START, *arguments], check=True, timeout=WAIT_SECONDS)
    (job,) = jobs_of(tmp_path)  # its parent is gone
    assert job.state() is State.RUNNING, job.log_tail()
    assert job.note.what == ("train", "com")
    assert job.note.output == tmp_path / "run"
    find_job(tmp_path, job.id).stop()
    wait_until(lambda: job.process() is None)
    assert job.state() is State.STOPPED
    assert "Traceback" not in job.log_tail()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_sigterm_ends_a_command_as_ctrl_c_does(disc_scene: Any, tmp_path: Path) -> None:
    given = settings_for(disc_scene, tmp_path).model_dump(mode="json")
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(given))
    command = [sys.executable, "-m", "napari_sdannce", "train", "com",
               str(tmp_path / "settings.yaml"), "--progress", "json"]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"step"' in line:
                break
        process.terminate()
        _, said = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 130
    assert "is in the checkpoint 'last' of its folder" in said
    assert "Traceback" not in said
    assert (tmp_path / "run" / "checkpoints" / "last.safetensors").is_file()


def test_a_job_says_how_it_ended(disc_scene: Any, tmp_path: Path) -> None:
    given = settings_for(disc_scene, tmp_path, steps=1).model_dump(mode="json")
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(given))
    first, second = (noted(tmp_path, os.getpid(), 0.0, name=name) for name in "ab")
    command = ["train", "com", str(tmp_path / "settings.yaml"), "--progress", "none", "--events"]
    main([*command, str(first.events_file)])
    assert isinstance(first.end(), JobDone)
    assert first.state() is State.FINISHED
    with pytest.raises(SystemExit):
        main([*command, str(second.events_file)])
    end = second.end()
    assert isinstance(end, JobFailed)
    assert "is not empty; choose another output folder" in end.text
    assert second.state() is State.FAILED


def test_going_on_where_a_job_ended(tmp_path: Path) -> None:
    job = noted(tmp_path, os.getpid(), 0.0)
    job.settings_file.write_text("checkpoint: /nowhere.pth\nno_setting: 3\n")
    step = TrainingStep(step=3, total=9, loss=1.0)
    ended = JobStopped(text="asked to")
    lines = [event.model_dump_json() for event in (step, ended)]
    job.events_file.write_text("\n".join([*lines, '{"half']))
    again = go_on(job)
    assert again.note.experiments == (tmp_path,)
    assert again.settings_file.read_text() == job.settings_file.read_text()
    course = followed(again, lambda course: isinstance(course.end, JobFailed))
    assert course.losses.steps == [3]  # what came before is told, too
    end = course.end
    assert isinstance(end, JobFailed), again.log_tail()
    assert "no settings no_setting" in end.text
    running = noted(tmp_path, os.getpid(), psutil.Process().create_time(), name="b")
    with pytest.raises(ValueError, match="b is running"):
        go_on(running)
    training = noted(tmp_path, os.getpid(), 0.0, name="c", what=("train", "com"))
    assert not training.can_go_on
    with pytest.raises(ValueError, match="c has saved nothing to go on from"):
        go_on(training)


def test_a_killed_job_is_lost(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        job = noted(tmp_path, child.pid, psutil.Process(child.pid).create_time())
        assert job.state() is State.RUNNING
        child.kill()
    assert job.state() is State.LOST
    (job.folder / "events.jsonl").write_text(JobDone(seconds=1).model_dump_json() + "\n")
    assert job.state() is State.FINISHED


def test_asked_to_stop_before_it_could_say_anything(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        job = noted(tmp_path, child.pid, psutil.Process(child.pid).create_time())
        job.kill()
    assert job.state() is State.STOPPED
    job.stop()  # nothing is left to be stopped
    job.kill()


def test_another_process_with_the_same_number_is_not_taken_for_it(tmp_path: Path) -> None:
    ours = psutil.Process()
    assert noted(tmp_path, ours.pid, ours.create_time()).state() is State.RUNNING
    again = noted(tmp_path, ours.pid, ours.create_time() - 60, name="b")
    assert again.state() is State.LOST
    again.stop()  # would end the tests
    there = noted(tmp_path, ours.pid, ours.create_time(), name="c", computer="elsewhere")
    assert there.state() is State.ELSEWHERE
    there.kill()


def noted(
    experiment: Path,
    pid: int,
    created: float,
    name: str = "a",
    computer: str | None = None,
    what: tuple[str, ...] = ("predict", "com"),
) -> BackgroundJob:
    """A job's folder, written by hand."""
    folder = experiment / JOBS / name
    folder.mkdir(parents=True)
    note = JobNote(
        what=what,
        command=("sdannce",),
        pid=pid,
        process_started=created,
        computer=computer or platform.node(),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        experiments=(experiment,),
    )
    (folder / "job.json").write_text(note.model_dump_json())
    return BackgroundJob(folder, note)


def test_damaged_and_unfinished_folders_are_passed_over(tmp_path: Path) -> None:
    assert jobs_of(tmp_path) == ()
    job = noted(tmp_path, os.getpid(), 0.0)
    (tmp_path / JOBS / "empty").mkdir()
    (tmp_path / JOBS / "damaged").mkdir()
    (tmp_path / JOBS / "damaged" / "job.json").write_text('{"what":')
    (tmp_path / JOBS / "folder" / "job.json").mkdir(parents=True)
    whole = json.loads((job.folder / "job.json").read_text())
    odd: list[dict[str, object]] = [
        {"what": []}, {"experiments": []}, {"pid": 0}, {"pid": 10**30}, {"pid": -1},
        {"started": "2026-01-01T00:00:00"}, {"process_started": "yesterday"},
    ]  # fmt: skip
    for number, change in enumerate(odd):
        folder = tmp_path / JOBS / f"odd{number}"
        folder.mkdir()
        (folder / "job.json").write_text(json.dumps(whole | change))
    assert jobs_of(tmp_path) == (job,)
    with pytest.raises(ValueError, match="no job 'b'; there are a"):
        find_job(tmp_path, "b")


def test_listing_and_stopping_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["jobs", str(tmp_path)])
    assert "no jobs" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        job = noted(tmp_path, child.pid, psutil.Process(child.pid).create_time())
        step = TrainingStep(step=3, total=9, loss=1.0, seconds_left=70.0)
        job.events_file.write_text(step.model_dump_json() + "\n")
        main(["jobs"])
        assert capsys.readouterr().out == "a  running  train 3/9 steps  1 min 10 s left\n"
        main(["jobs", "stop", "a", "--now"])
        assert capsys.readouterr().out == "a: ended\n"
    with pytest.raises(SystemExit):
        main(["jobs", "stop", "a"])
    assert "a can not be stopped from here: it is stopped" in capsys.readouterr().err
