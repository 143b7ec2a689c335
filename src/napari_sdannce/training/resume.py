"""Going on with a training where it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_sdannce.files.yaml_file import read_yaml
from napari_sdannce.models.checkpoints import read_info
from napari_sdannce.settings import (
    ComTrainSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
    TrainSettings,
)
from napari_sdannce.training.com import com_lesson
from napari_sdannce.training.dannce import pose_lesson
from napari_sdannce.training.lesson import teach
from napari_sdannce.training.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_sdannce.settings.events import Event
    from napari_sdannce.training.lesson import Lesson

_KINDS: dict[str, type[TrainSettings]] = {
    "com": ComTrainSettings,
    "dannce": DannceTrainSettings,
    "sdannce": SdannceTrainSettings,
}
_LESSONS: dict[str, Callable[[Any], Lesson[Any]]] = {
    "com": com_lesson,
    "dannce": pose_lesson,
    "sdannce": pose_lesson,
}


def continue_training(
    run: Path, *, epochs: int | None = None, steps: int | None = None
) -> Generator[Event, None, None]:
    """Go on with a training that was stopped or killed.

    Weights, optimiser, step size, chance and running means are as they were: on one CPU, the
    numbers are those of a run that was never stopped.

    Parameters
    ----------
    run
        Its folder.
    epochs, steps
        Another end. (A step size that falls over the whole training then falls later.)

    Yields
    ------
    Event
        As of the training.

    Raises
    ------
    FileNotFoundError
        When it is no run folder, or the run saved nothing.
    FileFormatError, CheckpointError, ValueError
        When its files are damaged, or its experiments are not as they were.
    """
    folder = Path(run).absolute()
    last = folder / "checkpoints" / "last.safetensors"
    if not last.is_file():
        raise FileNotFoundError(
            f"no {last}: {folder} is no run folder, or its training ended before its first "
            "checkpoint; begin anew"
        )
    kind = read_info(last).network.kind
    settings = read_settings(folder, kind)
    if epochs is not None or steps is not None:
        # steps win over epochs: those of before must not win over new epochs
        ends = {"epochs": epochs or settings.epochs, "steps": steps}
        settings = type(settings).model_validate({**settings.model_dump(), **ends})
    lesson = _LESSONS[kind](settings)
    yield from teach(lesson, settings, RunFolder(folder))


def read_settings(folder: Path, kind: str) -> TrainSettings:
    """Settings that a run was made with.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When they can not be read, or speak of an experiment that is not there.
    """
    expected = f"the settings of a {kind} training"
    file = read_yaml(folder / "config.yaml", expected)
    try:
        settings = _KINDS[kind].model_validate(file.content)
    except ValidationError as error:
        raise file.invalid(error, expected) from error
    settings = _moved_along(settings, folder)
    for each in settings.experiments:
        if not each.folder.exists():
            raise FileNotFoundError(
                f"{folder}: its experiment {each.folder} is not there; if it was moved, say where "
                f"to in {folder / 'config.yaml'}"
            )
    return settings


def _moved_along(settings: TrainSettings, run: Path) -> TrainSettings:
    """Settings of a run that lies in its first experiment, which was moved or renamed with it."""
    if settings.output is not None or not settings.experiments:
        return settings
    before, now = settings.experiments[0].folder, run.parents[1]
    if before.exists():
        return settings
    return type(settings).model_validate(_placed(settings.model_dump(), before, now))


def _placed(value: Any, before: Path, now: Path) -> Any:
    """The same values, with paths in one folder put into another."""
    if isinstance(value, Mapping):
        return {name: _placed(each, before, now) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_placed(each, before, now) for each in value)
    inside = isinstance(value, Path) and value.is_relative_to(before)
    return now / value.relative_to(before) if inside else value
