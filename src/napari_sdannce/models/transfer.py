"""Weights of one network put into another: what fits is taken, what can be is adapted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from napari_sdannce.models.com import ComConfig
from napari_sdannce.models.dannce import VolumeConfig
from napari_sdannce.models.resize import resized
from napari_sdannce.models.sdannce import SdannceConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Checkpoint, Network

_BACKBONE = "pose_generator."
_LUMINANCE = (0.2125, 0.7154, 0.0721)
_SHOWN = 4


@dataclass(frozen=True)
class Transfer:
    """What became of the tensors of a network that took weights over.

    Parameters
    ----------
    taken
        Those that are as they were.
    adapted
        Those that were made to fit, with how.
    fresh
        Those that begin anew.
    unused
        Those of the other network that found no place.
    """

    taken: tuple[str, ...]
    adapted: Mapping[str, str]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]

    def in_words(self) -> str:
        """One sentence for the person who waits."""
        n_all = len(self.taken) + len(self.adapted) + len(self.fresh)
        parts = [f"{len(self.taken)} of {n_all} weight tensors are taken as they are"]
        if self.adapted:
            parts.append(f"made to fit: {_some(list(self._ways()))}")
        if self.fresh:
            parts.append(f"begin anew: {_some(self.fresh)}")
        if self.unused:
            parts.append(f"not used: {_some(self.unused)}")
        return "; ".join(parts)

    def in_full(self) -> str:
        """Every tensor by name, a line each, below what became of it."""
        groups = (
            ("taken as they are", self.taken),
            ("made to fit", [f"{name}: {how}" for name, how in self.adapted.items()]),
            ("begin anew", self.fresh),
            ("not used", self.unused),
        )
        return "\n".join(
            f"{what} ({len(lines)})\n" + "".join(f"  {line}\n" for line in lines)
            for what, lines in groups
        )

    def _ways(self) -> Iterator[str]:
        """What was made to fit, those that were so in the same way together."""
        by_way: dict[str, list[str]] = {}
        for name, how in self.adapted.items():
            by_way.setdefault(how, []).append(name)
        for how, names in by_way.items():
            yield f"{_plain(names[0]) if len(names) == 1 else f'{len(names)} tensors'} ({how})"


@dataclass
class _Taking:
    """The transfer under way: tensors by their name in the new network."""

    old: CheckpointInfo
    new: CheckpointInfo
    weights: dict[str, Tensor]
    state: dict[str, Tensor]
    adapted: dict[str, str] = field(default_factory=dict)


def transfer(network: Network, info: CheckpointInfo, start: Checkpoint) -> Transfer:
    """Put weights of a checkpoint into a network of another shape, as far as they go.

    The same kind of network, or DANNCE and s-DANNCE: the backbone goes from one to the other.
    The first layer's blocks of input channels are matched by camera name where all old or all new
    cameras are among the others (one that is not known gets the mean), else repeated or averaged,
    so that the layer answers as strongly as before; colours become brightness and back.
    Rows of the output layer, and of the graph, are matched by the names of keypoints or animals.
    What remains keeps its fresh values.

    Parameters
    ----------
    network
        With fresh weights; it is changed.
    info
        What it is.
    start
        Where weights come from.
    """
    state = network.state_dict()
    weights = _renamed(start.network.state_dict(), state)
    taking = _Taking(start.info, info, weights, {})
    for name, fresh in state.items():
        old = weights.get(name)
        if old is None:
            continue
        made = _adapted(taking, name, old, fresh)
        if made is not None:
            taking.state[name] = made
    network.load_state_dict({**state, **taking.state})
    return Transfer(
        taken=tuple(name for name in taking.state if name not in taking.adapted),
        adapted=taking.adapted,
        fresh=tuple(name for name in state if name not in taking.state),
        unused=tuple(name for name in weights if name not in taking.state),
    )


def _renamed(weights: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of the new network, with or without the part that holds the backbone."""
    ours = any(name.startswith(_BACKBONE) for name in state)
    theirs = any(name.startswith(_BACKBONE) for name in weights)
    if ours and not theirs:
        return {f"{_BACKBONE}{name}": each for name, each in weights.items()}
    if theirs and not ours:
        return {name.removeprefix(_BACKBONE): each for name, each in weights.items()}
    return weights


def _adapted(taking: _Taking, name: str, old: Tensor, fresh: Tensor) -> Tensor | None:
    """The tensor in its new shape; None when it can not be made to fit."""
    if name.endswith("encoder_res1.block.0.weight"):
        return _first_layer(taking, name, old, fresh)
    if "output_layer." in name:
        return _rows(taking, name, old, fresh, _outputs)
    if name.endswith((".gconv.e", "gconv_output.e")):
        return _bones(taking, name, old, fresh)
    if old.shape == fresh.shape:
        return old
    if name.endswith((".gconv.M", ".gconv.adj2")) or name.startswith("gconv"):
        return None
    return _of_other_width(taking, name, old, fresh)


def _of_other_width(taking: _Taking, name: str, old: Tensor, fresh: Tensor) -> Tensor | None:
    before, after = taking.old.network.width, taking.new.network.width
    made = None if before == after else resized(name, old, fresh)
    if made is not None:
        taking.adapted[name] = f"of width {before}, for {after}"
    return made


def _first_layer(taking: _Taking, name: str, old: Tensor, fresh: Tensor) -> Tensor | None:
    before, after = taking.old.network, taking.new.network
    if old.ndim != fresh.ndim:
        return None
    if isinstance(before, ComConfig) or isinstance(after, ComConfig):
        colours = (old.shape[1], fresh.shape[1])
        views = (1, 1)
    else:
        colours = (before.channels_per_view, after.channels_per_view)
        views = (before.n_views, after.n_views)
    blocks = old.reshape(len(old), views[0], colours[0], *old.shape[2:])
    made = _recoloured(blocks, *colours)
    if made is None:
        return None
    sources = _view_sources(taking.old.cameras, taking.new.cameras, *views)
    made = torch.stack([made[:, list(each)].mean(dim=1) for each in sources], dim=1)
    if views[0] != views[1]:
        # the layer's answer is a sum over views: it shall stay as strong as it was
        made = made * (views[0] / views[1])
    made = made.flatten(1, 2)
    if made.shape != fresh.shape:
        return _of_other_width(taking, name, made, fresh)
    if made.shape != old.shape or not torch.equal(made, old):
        taking.adapted[name] = (
            f"of {views[0]} views of {colours[0]} channels, for {views[1]} of {colours[1]}"
        )
    return made


def _recoloured(blocks: Tensor, before: int, after: int) -> Tensor | None:
    """Blocks (O, V, colours, ...) for another number of colours."""
    if before == after:
        return blocks
    if (before, after) == (3, 1):
        return blocks.sum(dim=2, keepdim=True)
    if (before, after) == (1, 3):
        shares = torch.tensor(_LUMINANCE).reshape(1, 1, 3, *[1] * (blocks.ndim - 3))
        return blocks * shares
    return None


def _view_sources(
    before: Sequence[str], after: Sequence[str], n_before: int, n_after: int
) -> list[tuple[int, ...]]:
    """For each new view, the old views whose mean it is."""
    known = [name for name in after if name in before]
    if len(before) == n_before and len(after) == n_after and len(known) in (n_before, n_after):
        # one set of names holds the other: unknown views are the mean of all old ones
        every = tuple(range(n_before))
        return [(before.index(name),) if name in before else every for name in after]
    if n_after >= n_before:
        return [(i % n_before,) for i in range(n_after)]
    return [tuple(range(i, n_before, n_after)) for i in range(n_after)]


def _outputs(info: CheckpointInfo) -> tuple[str, ...]:
    return info.animals if isinstance(info.network, ComConfig) else info.keypoints


def _rows(
    taking: _Taking,
    name: str,
    old: Tensor,
    fresh: Tensor,
    names_of: Callable[[CheckpointInfo], tuple[str, ...]],
) -> Tensor | None:
    """Rows of the output layer, matched by name; by place where there are no names."""
    if old.shape[1:] != fresh.shape[1:]:
        likewise = fresh.new_empty(len(old), *fresh.shape[1:])
        wider = _of_other_width(taking, name, old, likewise)
        if wider is None:
            return None
        old = wider
    before, after = names_of(taking.old), names_of(taking.new)
    known = len(before) == len(old) and len(after) == len(fresh)
    if not known or before == after:
        return old if len(old) == len(fresh) else None
    matched = [row for row in after if row in before]
    if not matched:
        return old if isinstance(taking.new.network, ComConfig) and len(old) == len(fresh) else None
    made = fresh.clone()
    for row, keypoint in enumerate(after):
        if keypoint in before:
            made[row] = old[before.index(keypoint)]
    missing = [keypoint for keypoint in after if keypoint not in before]
    note = f", anew for {_some(missing)}" if missing else ""
    taking.adapted[name] = f"{len(matched)} rows by name{note}"
    return made


def _bones(taking: _Taking, name: str, old: Tensor, fresh: Tensor) -> Tensor | None:
    """Learned weights of bones, matched by the names of their ends."""
    before, after = _entries(taking.old), _entries(taking.new)
    if before == after and old.shape == fresh.shape:
        return old
    if len(before) != len(old) or len(after) != len(fresh):
        return None
    place = {ends: i for i, ends in enumerate(before)}
    made = fresh.clone()
    for i, ends in enumerate(after):
        if ends in place:
            made[i] = old[place[ends]]
    matched = sum(ends in place for ends in after)
    taking.adapted[name] = f"{matched} of {len(after)} bones by name"
    return made


def _entries(info: CheckpointInfo) -> list[tuple[str, str]]:
    """Ends of each learned weight: neighbours and each keypoint itself, row by row."""
    config = info.network
    if not isinstance(config, SdannceConfig):
        return []
    names = info.keypoints or tuple(map(str, range(config.n_keypoints)))
    joined = {(i, i) for i in range(config.n_keypoints)}
    for a, b in config.bones:
        joined |= {(a, b), (b, a)}
    return [(names[a], names[b]) for a, b in sorted(joined)]


def same_kind(network: Network, start: Checkpoint) -> bool:
    """Whether weights can go from one network to the other at all."""
    ours, theirs = network.config, start.network.config
    if isinstance(ours, VolumeConfig):
        return isinstance(theirs, VolumeConfig)
    return isinstance(theirs, ComConfig)


def _plain(name: str) -> str:
    """A tensor's name, of the two that people know: in words."""
    if name.endswith("encoder_res1.block.0.weight"):
        return "first layer"
    return "output layer" if name.endswith("output_layer.weight") else name


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
