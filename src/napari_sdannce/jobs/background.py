"""A job is a command ``sdannce ...`` in a process that outlives the one that started it.

Everything about it lies in a folder of the experiment, ``.sdannce/jobs/<time>-<what>``:
``job.json``, the ``settings.yaml`` it was started with, ``events.jsonl`` and ``log.txt``.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from napari_sdannce.detached import find_process
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.jobs.following import last_event
from napari_sdannce.settings.events import Event, JobDone, JobFailed, JobStopped

JOBS = Path(".sdannce") / "jobs"
NOTE, SETTINGS, EVENTS, LOG = "job.json", "settings.yaml", "events.jsonl", "log.txt"
_STOP_ASKED = "stop_asked"
STOP_FILE = "STOP"
"""A training ends cleanly when a file of this name is in its run folder."""
_SAME_TIME_S = 2.0  # clocks of file systems are coarse
_SILENT_S = 60.0


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


ENDS: dict[type[Event], State] = {
    JobDone: State.FINISHED,
    JobStopped: State.STOPPED,
    JobFailed: State.FAILED,
}


class JobNote(BaseModel):
    """What ``job.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: tuple[str, ...] = Field(min_length=1)
    """Words of the command, as ``train com``."""
    command: tuple[str, ...]
    pid: int = Field(ge=1, lt=2**31)
    process_started: float
    """Seconds since 1970, so that another process of the same number is not taken for it."""
    computer: str
    started: AwareDatetime
    experiments: tuple[Path, ...] = Field(min_length=1)
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
        return self.folder / SETTINGS

    @property
    def events_file(self) -> Path:
        """What it says, one JSON object a line."""
        return self.folder / EVENTS

    @property
    def log_file(self) -> Path:
        """What it, and the libraries it uses, write on a terminal."""
        return self.folder / LOG

    def process(self) -> psutil.Process | None:
        """The process, while it lives on this computer."""
        if self.note.computer != platform.node():
            return None
        return find_process(self.note.pid, self.note.process_started)

    def state(self) -> State:
        """How it stands now."""
        alive = self.process() is not None  # asked first: it may end meanwhile
        end = self.end()
        if end is not None:
            return ENDS[type(end)]
        if alive:
            return State.RUNNING
        if self.note.computer != platform.node():
            return State.ELSEWHERE
        return State.STOPPED if (self.folder / _STOP_ASKED).exists() else State.LOST

    def end(self) -> JobDone | JobStopped | JobFailed | None:
        """How it said that it ended."""
        last = last_event(self.events_file)
        return last if isinstance(last, JobDone | JobStopped | JobFailed) else None

    @property
    def can_go_on(self) -> bool:
        """Whether there is something to go on from, once it has ended before its end."""
        if self.note.what[0] == "calibrate":
            return False  # it writes all at its end
        if self.note.what[0] != "train":
            return True
        output = self.note.output
        return output is not None and self.wrote(output / "checkpoints" / "last.safetensors")

    def wrote(self, path: Path) -> bool:
        """Whether a file of its results is its own, and not of a job before or after it.

        A job that fails at once leaves its folder to the next one.
        """
        try:
            changed = path.stat().st_mtime
        except OSError:
            return False
        goes_on = "continue" in self.note.command
        if not goes_on and changed < self.note.started.timestamp() - _SAME_TIME_S:
            return False
        if self.end() is not None:
            return changed <= self._last_said + _SAME_TIME_S
        # of one that was killed, what it wrote last it may not have said
        return self.process() is not None or changed <= self._last_said + _SILENT_S

    @property
    def _last_said(self) -> float:
        """When it said something for the last time, seconds since 1970."""
        try:
            return self.events_file.stat().st_mtime
        except OSError:
            return self.note.started.timestamp()

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


def jobs_of(experiment: Path) -> tuple[BackgroundJob, ...]:
    """Jobs whose folders lie in an experiment, the newest first.

    A folder without a readable ``job.json`` is passed over: its job never started.
    """
    found = []
    for path in sorted((experiment / JOBS).glob(f"*/{NOTE}")):
        try:
            found.append(read_job(path.parent))
        except (FileFormatError, OSError):
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
    path = folder / NOTE
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
