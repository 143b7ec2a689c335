"""Compiled functions over blocks of their work, in threads.

The compiled functions release the interpreter's lock, so that plain threads serve. numba's own
parallel loops are not used: their default back-end allows one caller at a time in a process, and a
viewer, a prefetching reader and a training loop all call.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def over_blocks(
    work: Callable[[int, int], None], size: int, block: int, threads: int | None = None
) -> None:
    """Call ``work(start, stop)`` for all blocks of ``range(size)``.

    Parameters
    ----------
    work
        Called from several threads; must write to places of its own.
    size, block
        Number of items, and items a call.
    threads
        How many at once; None: as many as there are cores.
    """
    starts = range(0, size, block)
    workers = min(threads or available_cores(), len(starts))
    if workers <= 1:
        for start in starts:
            work(start, min(start + block, size))
        return
    # threads made anew: 0.1 ms, and nothing is left behind for a forked child to wait on
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(work, start, min(start + block, size)) for start in starts]
    for job in jobs:
        job.result()
