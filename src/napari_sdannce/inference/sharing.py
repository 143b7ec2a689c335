"""Filling a store in this process, or sharing the work among several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.inference.cluster import on_cluster
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
    """Fill a store, here or where the settings ask for it.

    Parameters
    ----------
    store
        To be filled.
    work
        How, when this process does it.
    settings
        Batch size, devices, cluster.
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
    if not settings.crew and settings.cluster is None:
        with shared_cores(choose_device(settings.device)):
            yield from fill_store(store, work, settings.batch_size, only)
        return
    total = rows_in(store.missing_chunks())
    if not total:
        return
    if settings.cluster is not None:
        failures = yield from on_cluster(elsewhere, settings, work.task, store.missing_chunks)
    else:
        failures = yield from in_processes(elsewhere, settings, range(len(store)), work.task, total)
    left = rows_in(store.missing_chunks())
    if left:
        raise ValueError(
            f"{store.path}: {left} of {total} frames are left; {'; '.join(failures)}; the same "
            "command goes on where it was"
        )
