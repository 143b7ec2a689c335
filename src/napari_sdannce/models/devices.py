"""Where networks run."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from torch import nn


def choose_device(name: str) -> torch.device:
    """Device by the name that settings use; ``auto`` takes a CUDA device when there is one.

    A Mac's ``mps`` must be asked for: torch has not had all 3D operations there in every version,
    and no test has run on one.

    Raises
    ------
    ValueError
        When the machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device '{name}' is not there: this machine has {torch.cuda.device_count()} CUDA "
            "devices; 'cpu' always works"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device 'mps' is not there: it needs a Mac with Apple silicon")
    return device


def device_of(network: nn.Module) -> torch.device:
    """Device that a network is on."""
    return next(network.parameters()).device


def bare(network: nn.Module) -> Any:
    """Return the network itself, without what spreads it over devices."""
    return network.module if isinstance(network, DistributedDataParallel) else network


def mixed_precision(device: torch.device, *, wanted: bool = True) -> AbstractContextManager[object]:
    """Half precision where it is fast: on CUDA only (bfloat16 is 200 times slower on most CPUs)."""
    if wanted and device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.float16)
    return contextlib.nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Single precision inside of a block of half precision."""
    return torch.autocast(device.type, enabled=False)


@contextlib.contextmanager
def shared_cores(device: torch.device) -> Iterator[None]:
    """Leave half of the cores to decoding and sampling while a network runs on the CPU.

    OpenMP's threads spin while they wait for one another: beside threads that decode, all cores
    made prediction five times slower than half of them (two cores, `benchmarks/inference.py`).
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(max(1, min(before, (os.cpu_count() or 1) // 2)))
    try:
        yield
    finally:
        torch.set_num_threads(before)
