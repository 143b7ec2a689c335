"""One training from start to end: the same for every kind of network."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from napari_sdannce.files.registration import register_if_project
from napari_sdannce.models.devices import choose_device
from napari_sdannce.settings.events import Event, JobDone, Message, Progress
from napari_sdannce.training.loop import Fitting, fit
from napari_sdannce.training.run_folder import RunFolder
from napari_sdannce.training.start import first_frames, first_network, split_frames
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    import torch

    from napari_sdannce.models import CheckpointInfo
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.experiments import Experiment
    from napari_sdannce.training.loop import Task


class LabelledExample(Protocol):
    """What a network learns from."""

    @property
    def frame(self) -> int:
        """Index of the labelled moment among those of all experiments."""

    @property
    def nbytes(self) -> int:
        """Memory its images take."""


Example = TypeVar("Example", bound=LabelledExample)


@dataclass(frozen=True, eq=False)
class Lesson(Generic[Example]):
    """What is particular to a kind of network.

    Parameters
    ----------
    folder
        Where its runs go, inside the first experiment.
    unit
        What an example is, for the person who waits.
    info
        What its checkpoints say of themselves.
    count
        How many examples an experiment should have.
    read
        The examples of an experiment whose first labelled moment has this index among those of all;
        None for one whose frame can not be read.
    task
        What is learned from examples that train and others that validate, on a device.
    """

    folder: str
    unit: str
    info: CheckpointInfo
    count: Callable[[Experiment], int]
    read: Callable[[Experiment, int], Iterator[Example | None]]
    task: Callable[[Sequence[Example], Sequence[Example], torch.device], Task]


def teach(
    lesson: Lesson[Example], experiments: Sequence[Experiment], settings: TrainSettings
) -> Generator[Event, None, None]:
    """Train a network.

    A run that fails or is stopped before its first step leaves nothing behind.

    Yields
    ------
    Event
        Progress of reading, then steps, epochs and checkpoints, at last `JobDone`.
    """
    started = time.monotonic()
    device = choose_device(settings.device)
    network = first_network(lesson.info.network, settings).to(device)
    run = RunFolder.create(settings, experiments[0].recording.folder / lesson.folder / "train")
    with ExitStack() as undo:
        undo.callback(run.discard)
        examples = yield from _read(lesson, experiments)
        validating = set(split_frames(experiments, settings).validation.tolist())
        train = [each for each in examples if each.frame not in validating]
        validation = [each for each in examples if each.frame in validating]
        if not train:
            why = "all validate" if validation else f"no labelled {lesson.unit} can be read"
            raise ValueError(f"{experiments[0].recording.folder}: nothing to learn from: {why}")
        task = lesson.task(train, validation, device)
        size = sum(each.nbytes for each in examples) / 2**20
        yield Message(
            text=f"{len(examples)} labelled {lesson.unit}, {size:.0f} MiB of pictures; "
            f"{len(train)} train, {len(validation)} validate, on {device}; results in {run.path}"
        )
        undo.pop_all()
    yield from _registered(experiments, run.path)
    saved = yield from fit(Fitting(network, task, settings, run, lesson.info))
    outputs = tuple(map(str, (run.path, *saved)))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


def _read(
    lesson: Lesson[Example], experiments: Sequence[Experiment]
) -> Generator[Event, None, list[Example]]:
    """Read the examples of all experiments."""
    examples: list[Example] = []
    for experiment, first in zip(experiments, first_frames(experiments), strict=True):
        with RecordingVideo(experiment.recording) as video:
            for problem in video.problems:
                yield Message(level="warning", text=str(problem))
        total, lost = lesson.count(experiment), 0
        for done, example in enumerate(lesson.read(experiment, first), start=1):
            if example is None:
                lost += 1
            else:
                examples.append(example)
            yield Progress(task="read labelled frames", done=done, total=total, unit=lesson.unit)
        if lost:
            yield Message(
                level="warning",
                text=f"{experiment.recording.folder}: {lost} of {total} labelled {lesson.unit} "
                "left out, the frame of a camera can not be read",
            )
    return examples


def _registered(experiments: Sequence[Experiment], run: Path) -> Iterator[Message]:
    """Note the run in the project files of the experiments that have one."""
    for folder in dict.fromkeys(each.recording.folder for each in experiments):
        problem = register_if_project(folder, "runs", run)
        if problem is not None:
            yield Message(level="warning", text=str(problem))
