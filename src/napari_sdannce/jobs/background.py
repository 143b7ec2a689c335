"""A job is a command ``sdannce ...`` in a process that outlives the one that started it.

Everything about it lies in a folder of the experiment, ``.sdannce/jobs/<time>-<what>``:
``job.json``, the ``settings.yaml`` it was started with, ``events.jsonl`` and ``log.txt``.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path
from napari_sdannce.jobs.following import last_event
from napari_sdannce.settings.events import Event, JobDone, JobFailed, JobStopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.settings import Settings

JOBS = Path(".sdannce") / "jobs"
_NOTE, _SETTINGS, _EVENTS, _LOG = "job.json", "settings.yaml", "events.jsonl", "log.txt"
_STOP_ASKED = "stop_asked"
STOP_FILE = "STOP"
"""A training ends cleanly when a file of this name is in its run folder."""
_SAME_START_SECONDS = 2.0


class State(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"
    """It is gone without having said how it ended: killed, or the power failed."""
    ELSEWHERE = "on another computer"
    """It was started there and has not said how it ended."""


_ENDS: dict[type[Event], State] = {
    JobDone: State.FINISHED,
    JobStopped: State.STOPPED,
    JobFailed: State.FAILED,
}


class JobNote(BaseModel):
    """What ``job.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: tuple[str, ...]
    """Words of the command, as ``train com``."""
    command: tuple[str, ...]
    pid: int
    process_started: float
    """Seconds since 1970, so that another process of the same number is not taken for it."""
    computer: str
    started: datetime
    experiments: tuple[Path, ...]
    output: Path | None = None


@dataclass(frozen=True)
class BackgroundJob:
    """A job that was started, perhaps by another program, perhaps long ago."""

    folder: Path
    note: JobNote

    @property
    def id(self) -> str:
        """Name of its folder: when it was started, and what it is."""
        return self.folder.name

    @property
    def settings_file(self) -> Path:
        """What it was started with."""
        return self.folder / _SETTINGS

    @property
    def events_file(self) -> Path:
        """What it says, one JSON object a line."""
        return self.folder / _EVENTS

    @property
    def log_file(self) -> Path:
        """What it, and the libraries it uses, write on a terminal."""
        return self.folder / _LOG

    def process(self) -> psutil.Process | None:
        """The process, while it lives on this computer."""
        if self.note.computer != platform.node():
            return None
        try:
            process = psutil.Process(self.note.pid)
            same = abs(process.create_time() - self.note.process_started) < _SAME_START_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def state(self) -> State:
        """How it stands now."""
        alive = self.process() is not None  # asked first: it may end meanwhile
        end = self.end()
        if end is not None:
            return _ENDS[type(end)]
        if alive:
            return State.RUNNING
        if self.note.computer != platform.node():
            return State.ELSEWHERE
        return State.STOPPED if (self.folder / _STOP_ASKED).exists() else State.LOST

    def end(self) -> JobDone | JobStopped | JobFailed | None:
        """How it said that it ended."""
        last = last_event(self.events_file)
        return last if isinstance(last, JobDone | JobStopped | JobFailed) else None

    def log_tail(self, n_bytes: int = 20_000) -> str:
        """The last of its log."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - n_bytes))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self) -> None:
        """Ask it to save what it has and to end; returns at once."""
        process = self.process()
        if process is None:
            return
        (self.folder / _STOP_ASKED).touch()
        if sys.platform == "win32" and self.note.what[0] == "train" and self.note.output:
            # there terminating is killing, and a training would lose what it learned
            (self.note.output / STOP_FILE).touch()
        else:
            process.terminate()

    def kill(self) -> None:
        """End it at once, with all the processes it started."""
        process = self.process()
        if process is None:
            return
        (self.folder / _STOP_ASKED).touch()
        for each in (*process.children(recursive=True), process):
            _kill(each)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


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
    folder = _new_folder(experiments[0] / JOBS / f"{started:%Y%m%d-%H%M%S}-{'-'.join(what)}")
    # what was left open stays open: a part of the settings may be as in training
    content = settings.model_dump(mode="json", exclude_unset=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / _SETTINGS).write_text(text, encoding="utf-8")
    # -P: a file of the experiment must not stand in for a module of Python
    command = (sys.executable, "-P", "-m", "napari_sdannce", *what, str(folder / _SETTINGS),
               "--progress", "none", "--events", str(folder / _EVENTS))  # fmt: skip
    pid, created = _start_detached(command, folder)
    note = JobNote(
        what=tuple(what),
        command=command,
        pid=pid,
        process_started=created,
        computer=platform.node(),
        started=started,
        experiments=tuple(experiments),
        output=output,
    )
    with atomic_path(folder / _NOTE) as path:
        path.write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return BackgroundJob(folder, note)


def _new_folder(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate, number = path, 2
    while True:
        try:
            candidate.mkdir()
        except FileExistsError:
            candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
        else:
            return candidate


def _start_detached(command: Sequence[str], folder: Path) -> tuple[int, float]:
    """Start a process in a session of its own, its output in the log: pid and time of its start."""
    with (folder / _LOG).open("ab") as log:
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
            child = psutil.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, creationflags=flags
            )
        else:
            child = psutil.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    created = float(child.create_time())
    # somebody has to wait for a child, or it stays as a zombie when it ends
    threading.Thread(target=child.wait, name=f"wait for {folder.name}", daemon=True).start()
    return int(child.pid), created


def jobs_of(experiment: Path) -> tuple[BackgroundJob, ...]:
    """Jobs whose folders lie in an experiment, the newest first.

    A folder without a readable ``job.json`` is passed over: its job never started.
    """
    found = []
    for path in sorted((experiment / JOBS).glob(f"*/{_NOTE}")):
        try:
            found.append(read_job(path.parent))
        except FileFormatError:
            continue
    return tuple(sorted(found, key=lambda job: (job.note.started, job.id), reverse=True))


def read_job(folder: Path) -> BackgroundJob:
    """Read the folder of a job.

    Raises
    ------
    FileNotFoundError
        When it has no ``job.json``.
    FileFormatError
        When that is damaged.
    """
    path = folder / _NOTE
    try:
        note = JobNote.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise FileFormatError(path, "it is damaged", "a job of this program") from error
    return BackgroundJob(folder, note)


def find_job(experiment: Path, job_id: str) -> BackgroundJob:
    """The job of an experiment with this id.

    Raises
    ------
    ValueError
        When there is none.
    """
    jobs = jobs_of(experiment)
    for job in jobs:
        if job.id == job_id:
            return job
    there = ", ".join(job.id for job in jobs) or "none"
    raise ValueError(f"{experiment}: no job '{job_id}'; there are {there}")
