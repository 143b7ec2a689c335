"""Starting jobs, and going on with those that ended before their end."""

from __future__ import annotations

import platform
import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import yaml

from napari_sdannce.detached import start_detached
from napari_sdannce.files.writing import atomic_path
from napari_sdannce.jobs.background import (
    ENDS,
    EVENTS,
    JOBS,
    LOG,
    NOTE,
    SETTINGS,
    BackgroundJob,
    JobNote,
    State,
)
from napari_sdannce.jobs.following import read_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.settings import Settings


def start_job(
    what: Sequence[str],
    settings: Settings,
    experiments: Sequence[Path],
    *,
    output: Path | None = None,
    now: datetime | None = None,
) -> BackgroundJob:
    """Start a command of the command line in a process that goes on when this one ends.

    Parameters
    ----------
    what
        Words of the command, as ``("train", "com")``.
    settings
        What it shall do; paths must be absolute.
    experiments
        Folders it works on; the first one keeps the job's folder.
    output
        Where its results go, as far as known.
    now
        Time of day that its folder is named by; default: the clock's.

    Raises
    ------
    OSError
        When the experiment's folder can not be written to.
    """
    started = now or datetime.now().astimezone()
    folder = _new_folder(what, experiments[0], started)
    # what was left open stays open: a part of the settings may be as in training
    content = settings.model_dump(mode="json", exclude_unset=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / SETTINGS).write_text(text, encoding="utf-8")
    source = str(folder / SETTINGS)
    return _start((*what, source), folder, what, started, experiments, output)


def go_on(job: BackgroundJob, *, now: datetime | None = None) -> BackgroundJob:
    """Start a job again where it was stopped, failed or was lost, as a job of its own.

    A training goes on from its checkpoint ``last``, a prediction with the chunks that are missing.

    Raises
    ------
    ValueError
        When it still runs, or has nothing to go on from.
    OSError
        When the experiment's folder can not be written to.
    """
    if job.state() is State.RUNNING:
        raise ValueError(f"{job.id} is running")
    note = job.note
    started = now or datetime.now().astimezone()
    if not job.can_go_on:
        raise ValueError(f"{job.id} has saved nothing to go on from")
    words = (*note.what, str(job.settings_file))
    if note.what[0] == "train":
        words = ("train", "continue", str(note.output))
    folder = _new_folder(note.what, note.experiments[0], started)
    shutil.copy(job.settings_file, folder / SETTINGS)
    _copy_story(job, folder / EVENTS)
    return _start(words, folder, note.what, started, note.experiments, note.output)


def _copy_story(job: BackgroundJob, path: Path) -> None:
    """Let a job that goes on tell what came before, but not that it ended."""
    if not job.events_file.is_file():
        return
    with job.events_file.open("rb") as told, path.open("wb") as file:
        file.writelines(
            line
            for line in told
            if line.endswith(b"\n") and not isinstance(read_event(line), tuple(ENDS))
        )


def _start(
    words: Sequence[str],
    folder: Path,
    what: Sequence[str],
    started: datetime,
    experiments: Sequence[Path],
    output: Path | None,
) -> BackgroundJob:
    """Start a command in its folder, and note it there."""
    # -P: a file of the experiment must not stand in for a module of Python
    command = (sys.executable, "-P", "-m", "napari_sdannce", *words,
               "--progress", "none", "--events", str(folder / EVENTS))  # fmt: skip
    child = start_detached(command, folder / LOG)
    note = JobNote(
        what=tuple(what),
        command=command,
        pid=child.pid,
        process_started=float(child.create_time()),
        computer=platform.node(),
        started=started,
        experiments=tuple(experiments),
        output=output,
    )
    with atomic_path(folder / NOTE) as path:
        path.write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return BackgroundJob(folder, note)


def _new_folder(what: Sequence[str], experiment: Path, started: datetime) -> Path:
    path = experiment / JOBS / f"{started:%Y%m%d-%H%M%S}-{'-'.join(what)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate, number = path, 2
    while True:
        try:
            candidate.mkdir()
        except FileExistsError:
            candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
        else:
            return candidate
