"""Several processes that train one network together, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from napari_sdannce.models.devices import choose_device
from napari_sdannce.models.sdannce import SdannceConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from napari_sdannce.models.checkpoints import Network

Item = TypeVar("Item")

# the others wait while one validates; torchrun itself ends them when one of them dies
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Workers:
    """Which of how many processes this one is.

    Parameters
    ----------
    rank
        From 0; the first one leads: it alone validates and writes.
    count
        How many there are.
    device
        Where this one works.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Part of a batch for this process; items repeat where there are too few for all."""
        enough = list(items) * -(-self.count // len(items)) if len(items) < self.count else items
        return list(enough[self.rank :: self.count])

    def together(self, network: Network) -> nn.Module:
        """Return the network so that all processes learn from all their batches."""
        if self.count == 1:
            return network
        ids = [self.device.index] if self.device.type == "cuda" else None
        # a modulated graph keeps weights that do nothing, for checkpoints of the reference
        config = network.config
        idle = isinstance(config, SdannceConfig) and config.block == "modulated"
        return DistributedDataParallel(network, device_ids=ids, find_unused_parameters=idle)

    def agree(self, wish: bool) -> bool:
        """Whether any of the processes wishes so."""
        if self.count == 1:
            return wish
        said = torch.tensor(float(wish), device=self.device)
        distributed.all_reduce(said, distributed.ReduceOp.MAX)
        return bool(said)

    def told(self, text: str) -> str:
        """Return the text of the process that leads."""
        if self.count == 1:
            return text
        box = [text]
        distributed.broadcast_object_list(box, src=0, device=self.device)
        return box[0]


@contextmanager
def joined(device: str) -> Iterator[Workers]:
    """Join the other processes, when ``torchrun`` started several.

    Parameters
    ----------
    device
        As in the settings; each process of a machine takes a GPU of its own.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or distributed.is_initialized():
        yield Workers(0, 1, choose_device(device))
        return
    where = choose_device(device)
    if where.type == "cuda":
        where = choose_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
        torch.cuda.set_device(where)
    backend = "nccl" if where.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Workers(distributed.get_rank(), count, where)
    finally:
        distributed.destroy_process_group()
