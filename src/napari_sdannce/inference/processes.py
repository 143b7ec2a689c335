"""A job in several processes on this machine, each with a device of its own."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Protocol, cast

import torch

from napari_sdannce.geometry.threads import available_cores
from napari_sdannce.inference.filling import Clock
from napari_sdannce.models.devices import choose_device
from napari_sdannce.settings.events import Event, JobDone, Message, Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from napari_sdannce.settings.base import PredictSettings

_FAILED = 1


class Predict(Protocol):
    """A job that another process can do a part of; it can be pickled."""

    def __call__(
        self, settings: PredictSettings, *, only: range | None = None
    ) -> Generator[Event, None, None]:
        """Predict some rows of the store, and leave its twins to the process that asked."""


def in_processes(
    predict: Predict, settings: PredictSettings, rows: range, task: str, total: int
) -> Generator[Event, None, list[str]]:
    """Let a process on each device of the settings work on a store.

    They end with this one: when it is stopped they are, and when it is killed, after their batch.

    Parameters
    ----------
    predict
        The job.
    settings
        Of the whole job.
    rows
        Of the store.
    task, total
        What it is called, and how many rows are still to be predicted.

    Yields
    ------
    Event
        Progress of all together, each message once.

    Returns
    -------
    Why processes failed, a sentence each.

    Raises
    ------
    ValueError
        When the machine has no such device.
    """
    for device in set(settings.crew):
        choose_device(device)
    crew = _Crew(Clock(task, total))
    cores = max(1, available_cores() // len(settings.crew))
    try:
        for device in settings.crew:
            crew.members.append(_start(predict, _alone(settings, device), rows, cores))
        yield from crew.events()
    finally:
        for member in crew.members:
            member.process.terminate()
            member.process.join()
            member.events.close()
    return crew.failures


def _alone(settings: PredictSettings, device: str) -> PredictSettings:
    return settings.model_copy(update={"device": device, "devices": (), "workers": 1})


@dataclass
class _Member:
    """One process, what it sends, and how many rows it has done."""

    device: str
    process: BaseProcess
    events: Connection
    done: int = 0


@dataclass
class _Crew:
    """Processes that share a job."""

    clock: Clock
    members: list[_Member] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def events(self) -> Iterator[Event]:
        """What they tell, until all have ended."""
        speaking = {member.events: member for member in self.members}
        while speaking:
            for each in wait(list(speaking)):
                connection = cast("Connection", each)
                try:
                    yield from self._heard(speaking[connection], connection.recv())
                except EOFError:
                    yield from self._ended(speaking.pop(connection))

    def _heard(self, member: _Member, event: Event) -> Iterator[Event]:
        if isinstance(event, Progress):
            member.done = event.done
            self.clock.done = sum(each.done for each in self.members)
            yield self.clock.now()
        elif isinstance(event, _Failure):
            yield self._failed(f"the process on {member.device} failed: {event.text}")
        elif isinstance(event, Message) and event.text not in self.told:
            self.told.add(event.text)
            yield event

    def _ended(self, member: _Member) -> Iterator[Event]:
        member.process.join()
        if member.process.exitcode not in (0, _FAILED):
            code = member.process.exitcode
            yield self._failed(f"the process on {member.device} was ended (exit code {code})")

    def _failed(self, text: str) -> Message:
        self.failures.append(text)
        return Message(level="warning", text=text)


class _Failure(Event):
    """A process can not go on."""

    event: str = "failure"
    text: str


def _start(predict: Predict, settings: PredictSettings, rows: range, cores: int) -> _Member:
    # not forked: CUDA does not survive it, and locks of other threads would stay locked
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(predict, settings, rows, cores, sender), daemon=True
    )
    process.start()
    sender.close()
    return _Member(settings.device, process, receiver)


def _work(
    predict: Predict, settings: PredictSettings, rows: range, cores: int, events: Connection
) -> None:
    """Work, and tell of it; what a process does."""
    torch.set_num_threads(cores)
    try:
        with closing(predict(settings, only=rows)) as job:
            for event in job:
                if not isinstance(event, JobDone):
                    events.send(event)
    except BrokenPipeError:
        return  # the process that wants it has gone
    except KeyboardInterrupt:
        raise SystemExit(_FAILED) from None
    except Exception as error:  # the edge of a process
        events.send(_Failure(text=str(error) or type(error).__name__))
        raise SystemExit(_FAILED) from error
