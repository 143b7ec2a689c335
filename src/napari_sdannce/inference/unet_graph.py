"""A `UNet` drawn node by node as a graph of another library, which runs it quicker on a CPU.

Drawn and not traced: it takes a tenth of a second, needs no part of torch that is on its way out,
and norms become what the library has for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_sdannce.models.blocks import EPSILON, ConvBlock, ScalarLayerNorm, UNet, Upsample

if TYPE_CHECKING:
    from collections.abc import Callable

Node = TypeVar("Node")
Array = npt.NDArray[Any]


class Pen(Protocol[Node]):
    """Draws nodes of a graph; volumes are (B, C, y, x, z)."""

    def convolve(self, x: Node, weight: Array, bias: Array) -> Node:
        """Convolution with ``weight`` (outputs, inputs, k, k, k) that keeps the size."""

    def double(self, x: Node, weight: Array, bias: Array) -> Node:
        """Transposed convolution of stride 2 with ``weight`` (inputs, outputs, 2, 2, 2)."""

    def halve(self, x: Node) -> Node:
        """Maximum of each 2 x 2 x 2 voxels."""

    def join(self, x: Node, y: Node) -> Node:
        """Channels of `x`, then those of `y`."""

    def clip(self, x: Node) -> Node:
        """Zero where it is negative."""

    def scale(self, x: Node, factor: Array, shift: Array) -> Node:
        """``x * factor + shift``, each a number for every channel or one for all."""

    def normalise_sample(self, x: Node, epsilon: float) -> Node:
        """``(x - mean) / (std + epsilon)`` over all channels and voxels of a sample."""

    def normalise_channel(self, x: Node, epsilon: float) -> Node:
        """``(x - mean) / sqrt(var + epsilon)`` over the voxels of a channel."""


def draw(unet: UNet, pen: Pen[Node], x: Node) -> list[Node]:
    """Features of the decoder's levels, deepest first, as `UNet.decode` gives them."""
    skips = []
    for level in range(1, unet.n_levels + 1):
        x = _block(_layers(unet, f"encoder_res{level}"), pen, x)
        if level < unet.n_levels:
            skips.append(x)
            x = pen.halve(x)
    features = []
    for level in range(unet.n_levels - 1, 0, -1):
        (upsampling,) = _layers(unet, f"decoder_upsample{level}")
        assert isinstance(upsampling, nn.ConvTranspose3d)
        x = pen.join(pen.double(x, *_weights(upsampling)), skips.pop())
        x = _block(_layers(unet, f"decoder_res{level}"), pen, x)
        features.append(x)
    return features


def channels_of(unet: UNet) -> int:
    """Channels of a network's input."""
    first = _layers(unet, "encoder_res1")[0]
    assert isinstance(first, nn.Conv3d)
    return first.in_channels


def _layers(unet: UNet, name: str) -> nn.Sequential:
    block = unet.get_submodule(name)
    assert isinstance(block, ConvBlock | Upsample)
    return block.block


def _block(layers: nn.Sequential, pen: Pen[Node], x: Node) -> Node:
    for module in layers:
        x = _DRAWN[type(module)](module, pen, x)
    return x


def _convolution(module: nn.Conv3d, pen: Pen[Node], x: Node) -> Node:
    return pen.convolve(x, *_weights(module))


def _scalar_norm(module: ScalarLayerNorm, pen: Pen[Node], x: Node) -> Node:
    normalised = pen.normalise_sample(x, EPSILON)
    return pen.scale(normalised, array(module.gamma), array(module.beta))


def _instance_norm(module: nn.InstanceNorm3d, pen: Pen[Node], x: Node) -> Node:
    return pen.normalise_channel(x, module.eps)


def _batch_norm(module: nn.BatchNorm3d, pen: Pen[Node], x: Node) -> Node:
    assert module.running_mean is not None
    assert module.running_var is not None
    factor = module.weight / torch.sqrt(module.running_var + module.eps)
    return pen.scale(x, array(factor), array(module.bias - factor * module.running_mean))


_DRAWN: dict[type[nn.Module], Callable[[Any, Pen[Any], Any], Any]] = {
    nn.Conv3d: _convolution,
    nn.ReLU: lambda _, pen, x: pen.clip(x),
    ScalarLayerNorm: _scalar_norm,
    nn.InstanceNorm3d: _instance_norm,
    nn.BatchNorm3d: _batch_norm,
}


def _weights(module: nn.Conv3d | nn.ConvTranspose3d) -> tuple[Array, Array]:
    assert module.bias is not None
    return array(module.weight), array(module.bias)


def array(weights: Tensor) -> Array:
    """Weights as single-precision numbers."""
    found: Array = weights.detach().to("cpu", torch.float32).numpy()
    return found
