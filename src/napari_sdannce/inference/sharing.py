"""Filling a store in this process, or sharing the work among several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.inference.filling import fill_store, rows_in
from napari_sdannce.inference.processes import in_processes
from napari_sdannce.models.devices import choose_device, shared_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.inference.filling import Chunk, ChunkStore, Given, Ready, Work
    from napari_sdannce.inference.processes import Predict
    from napari_sdannce.settings.base import PredictSettings
    from napari_sdannce.settings.events import Event


def filled(
    store: ChunkStore[Chunk],
    work: Work[Given, Ready, Chunk],
    settings: PredictSettings,
    elsewhere: Predict,
    only: range | None = None,
) -> Iterator[Event]:
    """Fill a store, here or in the processes that the settings ask for.

    Parameters
    ----------
    store
        To be filled.
    work
        How, when this process does it.
    settings
        Batch size, devices.
    elsewhere
        The same job, for another process.
    only
        Rows whose chunks are wanted; all by default.

    Yields
    ------
    Event
        Progress; what other processes tell.

    Raises
    ------
    ValueError
        When a device is not there, or processes failed and left work.
    """
    if not settings.crew:
        with shared_cores(choose_device(settings.device)):
            yield from fill_store(store, work, settings.batch_size, only)
        return
    for device in set(settings.crew):
        choose_device(device)
    total = rows_in(store.missing_chunks())
    failures = yield from in_processes(elsewhere, settings, range(len(store)), work.task, total)
    left = rows_in(store.missing_chunks())
    if left:
        raise ValueError(
            f"{store.path}: {left} of {total} moments are left; {'; '.join(failures)}; the same "
            "command goes on where it was"
        )
