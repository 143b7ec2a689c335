"""Batches of volumes: which examples go together, how often each is shown, and their copies."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_sdannce.settings.losses import PairConsistencyLoss, PairRepulsionLoss, TemporalLoss
from napari_sdannce.training.losses import Rows
from napari_sdannce.training.start import example_rng

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from torch import Tensor

    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.training.dannce_examples import DannceExample
    from napari_sdannce.training.volume_maker import VolumeMaker, VolumeWithPoints

Unit = tuple[int, ...]
"""Examples that must be in one batch."""


@dataclass(frozen=True, eq=False)
class VolumeBatch:
    """Volumes with what is known of them.

    Parameters
    ----------
    volumes
        (B, C, y, x, z) grey values.
    points
        (B, K, 3) mm from the centres, along the axes of the volumes.
    centres
        (B, 3) in the world, mm.
    turns
        (B, 3, 3) from the world's axes to those of each volume.
    mirrored
        (B,) those whose left keypoints show right ones.
    rows
        Which of them belong together.
    silhouettes
        (B, V, y, x, z) or None.
    """

    volumes: Tensor
    points: Tensor
    centres: Tensor
    turns: Tensor
    mirrored: Tensor
    rows: Rows
    silhouettes: Tensor | None = None

    def in_world(self, offsets: Tensor, swapped: Sequence[int]) -> Tensor:
        """Positions in the world of what was found in the volumes.

        Parameters
        ----------
        offsets
            (B, K, 3) mm from the centres, along the axes of the volumes.
        swapped
            (K,) order of the keypoints in a mirror.
        """
        mirrored = self.mirrored.to(offsets.device)[:, None, None]
        named = torch.where(mirrored, offsets[:, list(swapped)], offsets)
        turned = named @ self.turns.to(offsets)
        return turned + self.centres.to(offsets)[:, None]


@dataclass(frozen=True)
class Shown:
    """One volume of a batch.

    Parameters
    ----------
    unit
        Place of its unit in the batch.
    member
        Which example of the unit.
    copy
        Which showing of the unit.
    example
        Index among the examples.
    """

    unit: int
    member: int
    copy: int
    example: int


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """How examples become batches.

    Parameters
    ----------
    examples
        Those that train.
    settings
        Size of batches, copies, rounds; losses that compare examples.
    """

    examples: Sequence[DannceExample]
    settings: DannceTrainSettings

    @cached_property
    def units(self) -> list[Unit]:
        """Examples that must be together, ordered as the examples are."""
        return grouped(self.examples, self.settings)

    @cached_property
    def entries(self) -> list[tuple[Unit, bool]]:
        """What one epoch shows: units, and whether their volumes are moved."""
        rounds = self.settings.com_jitter_rounds
        moves = [True] if not rounds else [False] + [True] * rounds
        return [
            (unit, moved)
            for unit in self.units
            # examples without labels are not shown more often
            for moved in (moves if self._labelled(unit) else moves[-1:])
        ]

    def _labelled(self, unit: Unit) -> bool:
        return any(self.examples[i].is_labelled for i in unit)

    @property
    def per_batch(self) -> int:
        """Units a batch."""
        longest = max((len(unit) for unit in self.units), default=1)
        return max(1, self.settings.batch_size // (self.settings.copies * longest))

    def n_batches(self) -> int:
        """Batches of one epoch."""
        return -(-len(self.entries) // self.per_batch)

    def epoch(self, epoch: int) -> list[list[int]]:
        """Batches of an epoch, as indices of entries; with and without labels evenly mixed."""
        entries = self.entries
        rng = np.random.default_rng([self.settings.seed, epoch])
        labelled = np.array([self._labelled(unit) for unit, _ in entries])
        order = evenly_mixed(labelled, rng)
        size = self.per_batch
        return [order[start : start + size].tolist() for start in range(0, len(order), size)]


def evenly_mixed(
    labelled: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Random order in which each stretch has its share of both kinds."""
    place = np.empty(len(labelled))
    for kind in (True, False):
        mine = rng.permutation(np.flatnonzero(labelled == kind))
        place[mine] = (np.arange(len(mine)) + rng.random(len(mine))) / max(1, len(mine))
    return np.argsort(place, kind="stable")


def grouped(examples: Sequence[DannceExample], settings: DannceTrainSettings) -> list[Unit]:
    """Group examples as the losses need them: by moment, by chunk, or each alone.

    Raises
    ------
    ValueError
        When losses need both, or there is nothing they could compare.
    """
    by_chunk = [loss for loss in settings.losses if isinstance(loss, TemporalLoss)]
    by_moment = [
        loss
        for loss in settings.losses
        if isinstance(loss, PairRepulsionLoss | PairConsistencyLoss)
    ]
    if by_chunk and by_moment:
        raise ValueError(
            f"losses: {by_chunk[0].name} and {by_moment[0].name} can not be used together"
        )
    if not by_chunk and not by_moment:
        return [(i,) for i in range(len(examples))]
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, example in enumerate(examples):
        groups[example.chunk if by_chunk else example.moment].append(i)
    units = [tuple(group) for group in groups.values()]
    if by_chunk:
        units = list(_whole(units, examples, by_chunk[0].temporal_chunk_size))
    _check_company(units, (*by_chunk, *by_moment))
    return units


def _whole(units: Sequence[Unit], examples: Sequence[DannceExample], size: int) -> Iterator[Unit]:
    """Chunks of all their moments; of those whose frames can not all be read, what is labelled."""
    for unit in units:
        if len(unit) in (1, size):
            yield unit
        else:
            yield from ((i,) for i in unit if examples[i].is_labelled)


def _check_company(
    units: Sequence[Unit], losses: Sequence[TemporalLoss | PairRepulsionLoss | PairConsistencyLoss]
) -> None:
    """Raise ValueError when a loss that compares examples would never find two to compare."""
    if any(len(unit) > 1 for unit in units):
        return
    for loss in losses:
        if isinstance(loss, TemporalLoss):
            raise ValueError(
                f"{loss.name}: no frame to learn from has {loss.temporal_chunk_size} frames "
                f"{loss.downsample} apart round it, with a COM, that can be read"
            )
        if isinstance(loss, PairRepulsionLoss):
            raise ValueError(f"{loss.name}: in no frame to learn from there are two animals")


def layout(units: Sequence[Unit], copies: int) -> list[Shown]:
    """Volumes of a batch, the copies of each example one after the other."""
    return [
        Shown(number, member, copy, example)
        for number, unit in enumerate(units)
        for member, example in enumerate(unit)
        for copy in range(copies)
    ]


def rows_of(shown: Sequence[Shown], *, by_chunk: bool) -> Rows:
    """Which volumes of a batch belong together."""
    copies: dict[tuple[int, int], list[int]] = defaultdict(list)
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, each in enumerate(shown):
        copies[each.unit, each.member].append(row)
        members[each.unit, each.copy].append(row)
    together = [group for group in members.values() if len(group) > 1]
    pairs = [] if by_chunk else [pair for group in together for pair in combinations(group, 2)]
    # chunks that the recording cut short have a single moment
    return Rows(
        copies=_index([group for group in copies.values() if len(group) > 1]),
        chunks=_index(together if by_chunk else []),
        pairs=_index(pairs),
    )


def _index(groups: Sequence[Sequence[int]]) -> Tensor:
    return torch.tensor(groups, dtype=torch.long).reshape(len(groups), -1 if groups else 2)


def make_batch(
    plan: BatchPlan, entries: Sequence[int], epoch: int, maker: VolumeMaker
) -> VolumeBatch:
    """Fill the volumes of a batch, each changed by random numbers of its own.

    Parameters
    ----------
    entries
        Indices of what the epoch shows.
    """
    everything, settings = plan.entries, plan.settings
    chosen = [everything[i] for i in entries]
    shown = layout([unit for unit, _ in chosen], settings.copies)
    made = []
    for each in shown:
        rng = example_rng(settings.seed, epoch, entries[each.unit], each.member, each.copy)
        moved = chosen[each.unit][1]
        made.append(maker.random(plan.examples[each.example], rng, moved=moved))
    by_chunk = any(isinstance(loss, TemporalLoss) for loss in settings.losses)
    return collate(made, rows_of(shown, by_chunk=by_chunk))


def collate(made: Sequence[VolumeWithPoints], rows: Rows | None = None) -> VolumeBatch:
    """Stack volumes to a batch, their channels last in memory as networks want them."""
    silhouettes = [each.silhouettes for each in made if each.silhouettes is not None]
    return VolumeBatch(
        torch.stack([each.volume.movedim(0, -1) for each in made]).movedim(-1, 1),
        torch.from_numpy(np.stack([each.points for each in made])).float(),
        torch.from_numpy(np.stack([each.centre for each in made])).float(),
        torch.from_numpy(np.stack([each.turn for each in made])).float(),
        torch.tensor([each.mirrored for each in made]),
        rows or Rows(_index([]), _index([]), _index([])),
        torch.stack(silhouettes) if len(silhouettes) == len(made) else None,
    )
