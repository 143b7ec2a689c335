"""A `UNet` run by OpenVINO."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from openvino import opset13 as ops

from napari_sdannce.inference.unet_graph import channels_of, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_sdannce.inference.unet_graph import Array
    from napari_sdannce.models.blocks import UNet

_FIRST, _LAST = [0, 4, 1, 2, 3], [0, 2, 3, 4, 1]
"""Orders of axes that put the channels first, or last."""


def compile_with_openvino(
    unet: UNet, voxels: Sequence[int], n_outputs: int, threads: int
) -> Callable[[Array], list[Array]]:
    """Compile a network; see `backends.COMPILERS`."""
    given = ops.parameter([-1, *voxels, channels_of(unet)], np.float32)
    features = draw(unet, _Pen(), ops.transpose(given, ops.constant(_FIRST)))[-n_outputs:]
    results = [ops.transpose(each, ops.constant(_LAST)) for each in features]
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        # or it takes half precision where the processor has it
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Model(results, [given], "unet")
    request = _core().compile_model(model, "CPU", settings).create_infer_request()

    def run(volumes: Array) -> list[Array]:
        found = request.infer([volumes], share_inputs=True, share_outputs=True)
        return [found[i] for i in range(n_outputs)]

    return run


@cache
def _core() -> openvino.Core:
    """OpenVINO itself, once for the whole process.

    Each one gives the thread another stack for its signals, and puts back the one before when it
    goes. Of several that do not go in turn, one puts back what is gone: then Ctrl-C, or any other
    signal, ends the process without a word.
    """
    return openvino.Core()


class _Pen:
    """Draws nodes of OpenVINO."""

    def convolve(self, x: Any, weight: Array, bias: Array) -> Any:
        margin = [weight.shape[-1] // 2] * 3
        product = ops.convolution(x, ops.constant(weight), [1] * 3, margin, margin, [1] * 3)
        return ops.add(product, _along_channels(bias))

    def double(self, x: Any, weight: Array, bias: Array) -> Any:
        product = ops.convolution_backprop_data(x, ops.constant(weight), strides=[2] * 3)
        return ops.add(product, _along_channels(bias))

    def halve(self, x: Any) -> Any:
        two, none = [2] * 3, [0] * 3
        return ops.max_pool(x, two, [1] * 3, none, none, two).output(0)

    def join(self, x: Any, y: Any) -> Any:
        return ops.concat([x, y], 1)

    def clip(self, x: Any) -> Any:
        return ops.relu(x)

    def scale(self, x: Any, factor: Array, shift: Array) -> Any:
        return ops.add(ops.multiply(x, _along_channels(factor)), _along_channels(shift))

    def normalise_sample(self, x: Any, epsilon: float) -> Any:
        # not by its node for that, whose sums over millions of voxels lose 0.01 mm
        centred = ops.subtract(x, _sample_mean(x))
        deviation = ops.sqrt(_sample_mean(ops.multiply(centred, centred)))
        return ops.divide(centred, ops.add(deviation, ops.constant(np.float32(epsilon))))

    def normalise_channel(self, x: Any, epsilon: float) -> Any:
        return ops.mvn(x, ops.constant([2, 3, 4]), True, epsilon, "inside_sqrt")


def _sample_mean(x: Any) -> Any:
    of_channels = ops.reduce_mean(x, ops.constant([2, 3, 4]), keep_dims=True)
    return ops.reduce_mean(of_channels, ops.constant([1]), keep_dims=True)


def _along_channels(values: Array) -> Any:
    return ops.constant(values.reshape(1, -1, 1, 1, 1))
