"""The training loop: the same for every network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.devices import shared_cores
from napari_sdannce.models.reference_write import write_reference
from napari_sdannce.settings.events import (
    Event,
    Message,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from napari_sdannce.training.fitting import Fitting


def fit(fitting: Fitting) -> Generator[Event, None, tuple[Path, ...]]:
    """Train a network; returns its checkpoints.

    Each epoch's numbers go to the run folder; the checkpoint ``last`` follows every validation and
    is written when a person stops the training (Ctrl-C, or a file ``STOP`` in the run folder),
    ``best`` has the smallest validation error.

    Raises
    ------
    ValueError
        When the loss is not finite any more.
    """
    if fitting.done.step >= fitting.total and fitting.is_measured:
        yield Message(
            text=f"nothing is left to do: {fitting.done.step} steps are made, of {fitting.total}; "
            "more 'epochs' or 'steps' go on from there"
        )
    with shared_cores(fitting.workers.device):
        try:
            yield from _epochs(fitting)
        except (KeyboardInterrupt, GeneratorExit):
            if fitting.workers.leads:
                fitting.stop()
            raise
        finally:
            fitting.run.close()
    return tuple(fitting.saved.values())


def _epochs(fitting: Fitting) -> Iterator[Event]:
    while not (fitting.finished and fitting.is_measured):
        yield from fitting.train_epoch()
        if fitting.stopped:
            break
        if fitting.workers.leads:
            yield from fitting.finish_epoch()
        else:
            fitting.done.epoch, fitting.done.batch = fitting.done.epoch + 1, 0
            fitting.done.measured = fitting.done.step
        waited = fitting.finished and fitting.done.step < fitting.total
        fitting.stopped = fitting.workers.agree(waited)
    if not fitting.workers.leads:
        return
    yield from _ended(fitting)


def _ended(fitting: Fitting) -> Iterator[Event]:
    """Say why training ended before its time, and complete the checkpoints."""
    asked = fitting.run.stop_asked
    fitting.run.clear_stop()
    if asked and fitting.done.step < fitting.total:
        fitting.stop()
        yield Message(text=f"stopped at step {fitting.done.step}, as the file STOP asked")
        return
    if fitting.done.step < fitting.total:
        yield Message(
            text=f"stopped after {fitting.done.since_best} validations without a better one"
        )
    for name, path in fitting.saved.items():
        info = fitting.run.complete(name, fitting.task, str(fitting.workers.device))
        if fitting.settings.reference_weights:
            checkpoint = load_checkpoint(path)
            write_reference(path.with_suffix(".pth"), checkpoint.network, info)
