"""Events of a job, read while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.cli.noting import EventFile
from napari_sdannce.jobs.course import Course, is_loss
from napari_sdannce.jobs.following import Following, last_event, read_event
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

if TYPE_CHECKING:
    from pathlib import Path

STORY: list[Event] = [
    Message(text="8 labelled poses"),
    Message(level="warning", text="a camera is dark"),
    Progress(task="read labelled frames", done=8, total=8, unit="poses"),
    TrainingStep(step=1, total=4, loss=3.0, seconds_left=9.0),
    TrainingStep(step=2, total=4, loss=2.0, seconds_left=6.0),
    EpochDone(
        epoch=1, total=2, metrics={"train_L1Loss": 2.5, "val_L1Loss": 3.5, "val_error": 12.0}
    ),
    CheckpointSaved(path="/run/best.safetensors"),
    TrainingStep(step=4, total=4, loss=1.0, seconds_left=0.0),
    EpochDone(epoch=2, total=2, metrics={"train_L1Loss": 1.5, "val_L1Loss": 2.5, "val_error": 8.0}),
    JobDone(seconds=61.0, outputs=("/run",)),
]


def test_every_event_is_read_as_it_was_written() -> None:
    for event in (*STORY, JobStopped(text="x"), JobFailed(text="ü")):
        assert read_event(event.model_dump_json()) == event


def test_what_is_no_event_is_passed_over() -> None:
    deep = "[" * 100_000
    for line in (
        deep,
        '{"event": ["step"]}',
        '{"event": {}}',
        "",
        "{",
        "[]",
        "3",
        '{"event": "later"}',
        '{"event": "step"}',
        b"\xff\xfe",
    ):
        assert read_event(line) is None


def test_half_lines_wait_for_their_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    following = Following(path)
    assert following.new() == []
    whole = b"".join(event.model_dump_json().encode() + b"\n" for event in STORY)
    found = []
    for end in range(0, len(whole) + 1, 7):
        path.write_bytes(whole[:end])
        found += following.new()
    path.write_bytes(whole)
    found += following.new()
    assert found == STORY
    assert following.new() == []
    assert last_event(path) == STORY[-1]


def test_the_last_event_of_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert last_event(path) is None
    line = TrainingStep(step=1, total=9, loss=1.0).model_dump_json() + "\n"
    path.write_text(line * 2000 + JobStopped(text="kept").model_dump_json() + "\n" + '{"half')
    assert last_event(path) == JobStopped(text="kept")


def test_steps_are_noted_a_few_times_a_second_and_the_last_always(tmp_path: Path) -> None:
    seconds = iter(0.01 * i for i in range(1000))
    file = EventFile(tmp_path / "events.jsonl", clock=lambda: next(seconds))
    for step in range(1, 101):
        file.note(TrainingStep(step=step, total=100, loss=1.0))
        file.note(Message(text=str(step)))
    file.close()
    found = Following(tmp_path / "events.jsonl").new()
    steps = [event.step for event in found if isinstance(event, TrainingStep)]
    assert len(steps) <= 7
    assert (steps[0], steps[-1]) == (1, 100)
    assert len(found) - len(steps) == 100


def test_course_of_a_training() -> None:
    course = Course()
    course.add(STORY[:5])
    assert (course.task, course.done, course.total, course.unit) == ("train", 2, 4, "steps")
    assert course.seconds_left == 6.0
    assert (course.error, course.end, course.best) == (None, None, None)
    course.add(STORY[5:])
    assert (course.losses.steps, course.losses.values) == ([1, 2, 4], [3.0, 2.0, 1.0])
    assert (course.curves["val_error"].steps, course.curves["val_error"].values) == (
        [2, 4],
        [12, 8],
    )
    assert course.error == ("error", 8.0)
    assert course.best == "/run/best.safetensors"
    assert course.warnings == ["warning: a camera is dark"]
    assert (course.epoch, course.epochs, course.end) == (2, 2, STORY[-1])
    assert course.lines[-2:] == ["done in 1 min 01 s", "/run"]


def test_a_job_that_goes_on_from_earlier_undoes_what_came_after() -> None:
    course = Course()
    course.add(TrainingStep(step=step, total=9, loss=float(step)) for step in (1, 3, 5))
    course.add(TrainingStep(step=step, total=9, loss=0.5) for step in (2, 4))
    assert (course.losses.steps, course.losses.values) == ([1, 2, 4], [1, 0.5, 0.5])


def test_which_metrics_are_losses() -> None:
    assert is_loss("train_L1Loss")
    assert is_loss("val_bone_scale_loss")
    assert not is_loss("val_euclidean_distance_3D")
