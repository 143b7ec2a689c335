"""Graph networks over a skeleton: a node a keypoint, messages along bones.

Y. Zhao et al., "Semantic graph convolutional networks for 3D human pose regression" (CVPR 2019);
Z. Zou and W. Tang, "Modulated graph convolutional network for 3D human pose estimation" (ICCV
2021). Names of parameters are those of s-DANNCE's checkpoints.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GraphBlock = Literal["semantic", "modulated"]

_GAIN = 1.414
_SLIGHT = 1e-6


def adjacency(n_keypoints: int, bones: Sequence[tuple[int, int]]) -> Tensor:
    """Which keypoints a bone joins, and each with itself; rows sum to 1.

    Returns
    -------
    (K, K) float32. Not symmetric: a row is divided by its own number of neighbours.
    """
    joined = torch.eye(n_keypoints)
    for a, b in bones:
        joined[a, b] = joined[b, a] = 1.0
    return joined / joined.sum(dim=1, keepdim=True)


class SemanticGraphConv(nn.Module):
    """Graph convolution that learns how much a keypoint heeds each neighbour.

    With H0 = X W[0] for a keypoint itself and H1 = X W[1] for its neighbours, and S the softmax
    over the learned weight of every bone: Y = diag(S) H0 + offdiag(S) H1 + bias.

    Parameters
    ----------
    inputs, outputs
        Channels a keypoint.
    adjacent
        (K, K) as from `adjacency`.
    """

    support: Tensor
    itself: Tensor

    def __init__(self, inputs: int, outputs: int, adjacent: Tensor) -> None:
        super().__init__()
        self.register_buffer("support", adjacent > 0, persistent=False)
        self.register_buffer("itself", torch.eye(len(adjacent)), persistent=False)
        self.W = nn.Parameter(nn.init.xavier_uniform_(torch.empty(2, inputs, outputs), gain=_GAIN))
        self.e = nn.Parameter(torch.ones(int(self.support.sum())))
        bound = 1 / math.sqrt(outputs)
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, inputs) -> (B, K, outputs)."""
        scores = torch.full(self.support.shape, -torch.inf, dtype=self.e.dtype, device=x.device)
        mixing = torch.softmax(scores.masked_scatter(self.support, self.e), dim=1)
        own, others = x @ self.W[0], x @ self.W[1]
        return (mixing * self.itself) @ own + (mixing * (1 - self.itself)) @ others + self.bias


class ModulatedGraphConv(SemanticGraphConv):
    """Graph convolution with a learned factor a keypoint and channel, and learned neighbourhood.

    With B the symmetric part of (adjacency + learned correction) and M the factors:
    Y = diag(B) (M H0) + offdiag(B) (M H1) + bias. `e` is kept, as in the reference's checkpoints,
    and does nothing.
    """

    adjacent: Tensor

    def __init__(self, inputs: int, outputs: int, adjacent: Tensor) -> None:
        super().__init__(inputs, outputs, adjacent)
        self.register_buffer("adjacent", adjacent, persistent=False)
        self.M = nn.Parameter(nn.init.xavier_uniform_(torch.empty(len(adjacent), outputs)))
        self.adj2 = nn.Parameter(torch.full_like(adjacent, _SLIGHT))

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, inputs) -> (B, K, outputs)."""
        corrected = self.adjacent + self.adj2
        mixing = (corrected + corrected.T) / 2
        own, others = self.M * (x @ self.W[0]), self.M * (x @ self.W[1])
        return (mixing * self.itself) @ own + (mixing * (1 - self.itself)) @ others + self.bias


CONVS: dict[GraphBlock, type[SemanticGraphConv]] = {
    "semantic": SemanticGraphConv,
    "modulated": ModulatedGraphConv,
}


class KeypointBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of channels over samples and keypoints (B, K, C)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the base class's name
        """Normalise (B, K, C)."""
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


class NodeNorm(nn.Module):
    """Normalise each keypoint's channels by themselves; nothing is learned.

    K. Zhou et al., "Understanding and resolving performance degradation in deep graph
    convolutional networks" (CIKM 2021).

    Parameters
    ----------
    centre
        Take the mean away.
    root
        Divide by the deviation to the power 1 / root; None: do not divide.
    """

    def __init__(self, *, centre: bool, root: float | None) -> None:
        super().__init__()
        self.centre = centre
        self.root = root

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, K, C)."""
        centred = x - x.mean(dim=-1, keepdim=True)
        if self.root is None:
            return centred
        deviation = (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        return (centred if self.centre else x) / deviation ** (1 / self.root)


def graph_norm(name: str, channels: int) -> nn.Module:
    """Normalisation of a graph block by its name.

    ``batch``, ``layer``, ``none``, or of each keypoint alone: ``node_n`` (less the mean, over the
    deviation), ``node_v`` (over the deviation), ``node_m`` (less the mean), ``node_srv`` (over the
    deviation's square root), ``node_pr_<k>`` (over its k-th root).

    Raises
    ------
    ValueError
        When there is none of that name.
    """
    if name in _NORMS:
        return _NORMS[name](channels)
    root = name.removeprefix("node_pr_")
    if root != name and root.isdigit() and int(root) > 0:
        return NodeNorm(centre=False, root=int(root))
    raise ValueError(f"no normalisation '{name}'; there are {', '.join(_NORMS)}, node_pr_<k>")


_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": KeypointBatchNorm,
    "layer": nn.LayerNorm,
    "none": lambda _: nn.Identity(),
    "node_n": lambda _: NodeNorm(centre=True, root=1),
    "node_v": lambda _: NodeNorm(centre=False, root=1),
    "node_m": lambda _: NodeNorm(centre=True, root=None),
    "node_srv": lambda _: NodeNorm(centre=False, root=2),
}


class GraphLayer(nn.Module):
    """Graph convolution, normalisation, ReLU, dropout."""

    def __init__(self, conv: SemanticGraphConv, norm: nn.Module, dropout: float) -> None:
        super().__init__()
        self.gconv = conv
        self.bn = norm
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, inputs) -> (B, K, outputs)."""
        out: Tensor = self.dropout(torch.relu(self.bn(self.gconv(x))))
        return out


class ResidualGraphLayers(nn.Module):
    """Two graph layers, added to what came in."""

    def __init__(self, first: GraphLayer, second: GraphLayer) -> None:
        super().__init__()
        self.gconv1 = first
        self.gconv2 = second

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, C) -> (B, K, C)."""
        out: Tensor = x + self.gconv2(self.gconv1(x))
        return out
