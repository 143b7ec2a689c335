"""A `UNet` run by ONNX Runtime."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from napari_sdannce.inference.unet_graph import channels_of, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from onnx import NodeProto

    from napari_sdannce.inference.unet_graph import Array
    from napari_sdannce.models.blocks import UNet

_OPSET, _IR_VERSION = 18, 9
_FIRST, _LAST = (0, 4, 1, 2, 3), (0, 2, 3, 4, 1)
"""Orders of axes that put the channels first, or last."""


def compile_with_onnx(
    unet: UNet, voxels: Sequence[int], n_outputs: int, threads: int
) -> Callable[[Array], list[Array]]:
    """Compile a network; see `backends.COMPILERS`."""
    pen = _Pen()
    features = draw(unet, pen, pen.node("Transpose", "volumes", perm=_FIRST))
    names = [pen.node("Transpose", name, perm=_LAST) for name in features[-n_outputs:]]
    shape: list[str | int | None] = ["batch", *voxels, channels_of(unet)]
    graph = helper.make_graph(
        pen.nodes,
        "unet",
        [helper.make_tensor_value_info("volumes", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
        pen.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(volumes: Array) -> list[Array]:
        found: list[Array] = session.run(names, {"volumes": volumes})
        return found

    return run


class _Pen:
    """Draws nodes of ONNX; each is named by what comes out of it."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._numbers = count()

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}{next(self._numbers)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"constant{next(self._numbers)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def convolve(self, x: str, weight: Array, bias: Array) -> str:
        size = weight.shape[-1]
        inputs = (x, self.constant(weight), self.constant(bias))
        return self.node("Conv", *inputs, kernel_shape=[size] * 3, pads=[size // 2] * 6)

    def double(self, x: str, weight: Array, bias: Array) -> str:
        inputs = (x, self.constant(weight), self.constant(bias))
        return self.node("ConvTranspose", *inputs, kernel_shape=[2] * 3, strides=[2] * 3)

    def halve(self, x: str) -> str:
        return self.node("MaxPool", x, kernel_shape=[2] * 3, strides=[2] * 3)

    def join(self, x: str, y: str) -> str:
        return self.node("Concat", x, y, axis=1)

    def clip(self, x: str) -> str:
        return self.node("Relu", x)

    def scale(self, x: str, factor: Array, shift: Array) -> str:
        larger = self.node("Mul", x, self.constant(factor.reshape(1, -1, 1, 1, 1)))
        return self.node("Add", larger, self.constant(shift.reshape(1, -1, 1, 1, 1)))

    def normalise_sample(self, x: str, epsilon: float) -> str:
        centred, variance = self._centred(x, (3, 4), (1, 2))
        deviation = self.node("Add", self.node("Sqrt", variance), self.constant(epsilon))
        return self.node("Div", centred, deviation)

    def normalise_channel(self, x: str, epsilon: float) -> str:
        centred, variance = self._centred(x, (3, 4), (2,))
        deviation = self.node("Sqrt", self.node("Add", variance, self.constant(epsilon)))
        return self.node("Div", centred, deviation)

    def _centred(self, x: str, *axes: tuple[int, ...]) -> tuple[str, str]:
        """`x` less its mean, and its variance."""
        centred = self.node("Sub", x, self._mean(x, *axes))
        return centred, self._mean(self.node("Mul", centred, centred), *axes)

    def _mean(self, x: str, *axes: tuple[int, ...]) -> str:
        """Mean over some axes after others: single precision fails over millions at once."""
        for some in axes:
            x = self.node("ReduceMean", x, self.constant(some, np.int64))
        return x
