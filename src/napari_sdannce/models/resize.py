"""Weights of a network of another width.

A wider network gets each channel several times, and divides what it reads from them by their
number: it answers as the narrow one did, since its normalisations see the same values (T. Chen et
al., "Net2Net: accelerating learning via knowledge transfer", ICLR 2016). Slight noise lets the
copies part ways. A narrower network gets the first channels only: a start, no more.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_NOISE = 1e-3
# what these read is one part from the level below, one from across
_OF_TWO_PARTS = re.compile(r"decoder_res\d\.block\.0\.weight$")
_INPUT_FIRST = re.compile(r"decoder_upsample\d\.block\.0\.weight$")
_FEATURES = "fusion_layer.weight"


def resized(name: str, old: Tensor, fresh: Tensor) -> Tensor | None:
    """Return a tensor of a network in the shape it has in a wider or narrower one.

    Parameters
    ----------
    name
        Of the tensor: it tells which axis is what.
    old, fresh
        The weights there are, and those of the new network.

    Returns
    -------
    None when it has other dimensions, or none that a width decides.
    """
    if old.ndim != fresh.ndim or old.shape[2:] != fresh.shape[2:] or old.ndim == 0:
        return None
    made = old
    inputs, outputs = (0, 1) if _INPUT_FIRST.search(name) else (1, 0)
    if old.ndim > 1:
        parts = 2 if _OF_TWO_PARTS.search(name) else 1
        made = _inputs(name, made, inputs, fresh.shape[inputs], parts)
    made = made.index_select(outputs, _sources(made.shape[outputs], fresh.shape[outputs]))
    if made.shape == old.shape or old.ndim == 1:
        return made
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return made + _NOISE * old.std() * torch.randn(made.shape, generator=generator)


def _inputs(name: str, weights: Tensor, axis: int, wanted: int, parts: int) -> Tensor:
    """Repeat, or leave out, the channels that a layer reads."""
    there = weights.shape[axis]
    if there == wanted:
        return weights
    if name.endswith(_FEATURES):
        # three levels, of 4, 2 and 1 times the width
        sizes = [(there * share // 7, wanted * share // 7) for share in (4, 2, 1)]
    else:
        sizes = [(there // parts, wanted // parts)] * parts
    pieces = torch.split(weights, [before for before, _ in sizes], dim=axis)
    made = []
    for piece, (before, after) in zip(pieces, sizes, strict=True):
        sources = _sources(before, after)
        shares = torch.bincount(sources, minlength=before)[sources].clamp(min=1)
        shape = [1] * weights.ndim
        shape[axis] = after
        made.append(piece.index_select(axis, sources) / shares.reshape(shape))
    return torch.cat(made, dim=axis)


def _sources(before: int, after: int) -> Tensor:
    """Old channel of each new one."""
    return torch.arange(after) % before
