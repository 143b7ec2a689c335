"""One training from start to end: the same for every kind of network."""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from napari_sdannce.files.registration import register_if_project
from napari_sdannce.settings.events import Event, JobDone, Message, Progress
from napari_sdannce.training.experiments import other_frames
from napari_sdannce.training.fitting import Fitting
from napari_sdannce.training.loop import fit
from napari_sdannce.training.run_folder import RunFolder
from napari_sdannce.training.start import (
    first_frames,
    first_network,
    same_network,
    split_frames,
)
from napari_sdannce.training.workers import joined
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.agreement import check_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import numpy.typing as npt
    import torch

    from napari_sdannce.models import CheckpointInfo
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.experiments import Experiment
    from napari_sdannce.training.measuring import Task
    from napari_sdannce.training.workers import Workers


class LabelledExample(Protocol):
    """What a network learns from."""

    @property
    def frame(self) -> int:
        """Index of the labelled moment among those of all experiments; -1 without labels."""

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """What it is labelled with; NaN = not labelled."""

    @property
    def is_labelled(self) -> bool:
        """Whether it has labels of its own."""

    @property
    def nbytes(self) -> int:
        """Memory its images take."""

    @property
    def truth(self) -> Sequence[npt.NDArray[np.float64]]:
        """All numbers that it is learned by: labels, centre, calibration."""


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
    experiments
        What it learns from.
    info
        What its checkpoints say of themselves.
    count
        How many examples an experiment should have.
    read
        The examples of an experiment whose first labelled moment has this index among those of all;
        None for one whose frame can not be read.
    task
        What is learned from examples that train and others that validate, on a device.
    lacks
        What is asked for or labelled and can not be used, of an experiment, in words.
    """

    folder: str
    unit: str
    experiments: Sequence[Experiment]
    info: CheckpointInfo
    count: Callable[[Experiment], int]
    read: Callable[[Experiment, int], Iterator[Example | None]]
    task: Callable[[Sequence[Example], Sequence[Example], torch.device], Task]
    lacks: Callable[[Experiment], Iterator[str]] = lambda experiment: iter(())


def teach(
    lesson: Lesson[Example], settings: TrainSettings, resume: RunFolder | None = None
) -> Generator[Event, None, None]:
    """Train a network.

    A run that fails or is stopped before its first step leaves nothing behind. Of several processes
    that ``torchrun`` started, one tells its events and writes.

    Parameters
    ----------
    lesson, settings
        What is learned, and how.
    resume
        Run that goes on where it was.

    Yields
    ------
    Event
        Progress of reading, then steps, epochs and checkpoints, at last `JobDone`.
    """
    with joined(settings.device) as workers:
        events = _lesson(lesson, settings, workers, resume)
        for event in events:
            if workers.leads:
                yield event


def _lesson(
    lesson: Lesson[Example], settings: TrainSettings, workers: Workers, resume: RunFolder | None
) -> Generator[Event, None, None]:
    started = time.monotonic()
    beginning = None
    if resume is None:
        network, info, beginning = first_network(lesson.info, settings)
        if beginning is not None:
            yield Message(text=beginning.note)
    else:
        # what it started from is in its weights, and may be gone
        network, info = same_network(lesson.info, resume.path)
    with ExitStack() as held:
        run = resume or _new_run(lesson, settings, workers)
        if workers.leads:
            held.enter_context(run.alone())
        with ExitStack() as undo:
            if resume is None and workers.leads:
                undo.callback(run.discard)
            task, examples = yield from _task(lesson, settings, workers)
            yield Message(text=f"on {workers.device}; results in {run.path}")
            if resume is None:
                yield from _moved(run, settings)
            network = network.to(workers.device)
            fitting = Fitting(network, task, settings, run, info, workers)
            fitting.examples = examples
            if resume is not None:
                yield from _restored(fitting)
            undo.pop_all()
        if workers.leads:
            for name, values in task.arrays().items():
                run.save_array(name, values)
            if beginning is not None:
                run.save_beginning(beginning.full)
            yield from _registered(lesson.experiments, run.path)
        saved = yield from fit(fitting)
    outputs = tuple(map(str, (run.path, *saved)))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


def _restored(fitting: Fitting) -> Iterator[Message]:
    """Restore a run, and warn when it goes on with other labels."""
    state = fitting.run.state()
    fitting.restore(state)
    if fitting.workers.leads:
        # of a run without steps to make, the log is whole
        ended = fitting.finished and fitting.is_measured
        fitting.run.go_on(fitting.settings, fitting.epochs if ended else fitting.done.epoch)
    if state.get("examples", fitting.examples) != fitting.examples:
        yield Message(
            level="warning",
            text=f"{fitting.run.path}: what trains and what validates is not what it was when this "
            "run was saved: labels, centres, or settings have changed. Frames that trained before "
            "may validate now, so that errors before and after do not compare",
        )


def _new_run(lesson: Lesson[Example], settings: TrainSettings, workers: Workers) -> RunFolder:
    """Make the run's folder; processes that do not lead are told where it is."""
    if not workers.leads:
        return RunFolder(Path(workers.told("")))
    default = lesson.experiments[0].recording.folder / lesson.folder / "train"
    run = RunFolder.create(settings, default)
    workers.told(str(run.path))
    return run


def _moved(run: RunFolder, settings: TrainSettings) -> Iterator[Message]:
    """Say so when results go elsewhere than was asked for."""
    wanted = settings.output
    if wanted is not None and run.path != wanted.absolute():
        yield Message(
            level="warning",
            text=f"{wanted} is not empty, so this run is {run.path}; its weights are there",
        )


def _task(
    lesson: Lesson[Example], settings: TrainSettings, workers: Workers
) -> Generator[Event, None, tuple[Task, str]]:
    """Read the examples and share them out: some train, some validate; with their fingerprint."""
    experiments = lesson.experiments
    examples = yield from _read(lesson)
    split = split_frames(experiments, settings)
    training, validating = set(split.train.tolist()), set(split.validation.tolist())
    # what has no labels (frame -1) trains, whatever the split says; neighbours of what validates
    # (its frame, and no labels) neither train nor validate
    train = [each for each in examples if each.frame in training or each.frame < 0]
    validation = [each for each in examples if each.frame in validating and each.is_labelled]
    if not any(each.is_labelled for each in train):
        why = "all validate" if validation else f"no labelled {lesson.unit} can be read"
        raise ValueError(f"{experiments[0].recording.folder}: nothing to learn from: {why}")
    if settings.stop_after is not None and not validation:
        raise ValueError(
            f"stop_after {settings.stop_after} counts validations, and no labelled {lesson.unit} "
            "validate; give more 'validation_frames', or leave it out"
        )
    if len(split.validation) and not validation:
        yield Message(
            level="warning",
            text=f"{experiments[0].recording.folder}: nothing validates: none of the "
            f"{len(split.validation)} frames kept for it has a {lesson.unit[:-1]} that can be used",
        )
    size = sum(each.nbytes for each in examples) / 2**20
    n_labelled = sum(each.is_labelled for each in train)
    others = f" and {len(train) - n_labelled} without labels" if n_labelled < len(train) else ""
    n_left = sum(each.is_labelled for each in examples) - n_labelled - len(validation)
    spared = "beside those that validate"
    if settings.train_frames is not None or settings.train_share is not None:
        spared += ", or more than asked for"
    left = f", {n_left} do neither ({spared})" if n_left else ""
    yield Message(
        text=f"{size:.0f} MiB of pictures; {n_labelled} labelled {lesson.unit}{others} train, "
        f"{len(validation)} validate{left}"
    )
    return lesson.task(train, validation, workers.device), _fingerprint(train, validation)


def _fingerprint(*parts: Sequence[LabelledExample]) -> str:
    """Tell other examples, or others that validate, from these."""
    digest = hashlib.sha256()
    for examples in parts:
        digest.update(b"%d:" % len(examples))
        for each in examples:
            digest.update(b"%d" % each.frame)
            for numbers in each.truth:
                digest.update(np.ascontiguousarray(numbers).tobytes())
    return digest.hexdigest()


def _read(lesson: Lesson[Example]) -> Generator[Event, None, list[Example]]:
    """Read the examples of all experiments."""
    experiments = lesson.experiments
    examples: list[Example] = []
    for experiment, first in zip(experiments, first_frames(experiments), strict=True):
        with RecordingVideo(experiment.recording) as video:
            check_sizes(experiment.recording, video.cameras)
            for problem in video.all_problems:
                yield Message(level="warning", text=str(problem))
        for text in (*other_frames(experiment), *lesson.lacks(experiment)):
            yield Message(level="warning", text=text)
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
