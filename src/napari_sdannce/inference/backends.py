"""Libraries that run the convolutions of a network on a CPU, quicker than torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from napari_sdannce.models.blocks import UNet
from napari_sdannce.models.dannce import N_LEVELS
from napari_sdannce.models.devices import device_of
from napari_sdannce.models.sdannce import SdannceNet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_sdannce.inference.unet_graph import Array
    from napari_sdannce.models.poses import PoseNetwork
    from napari_sdannce.settings.dannce import Backend


class Compile(Protocol):
    """Rebuilds a U-Net in another library."""

    def __call__(
        self, unet: UNet, voxels: Sequence[int], n_outputs: int, threads: int
    ) -> Callable[[Array], list[Array]]:
        """Compile a network.

        Parameters
        ----------
        unet
            With its weights, on the CPU.
        voxels
            (3,) of its input along y, x, z.
        n_outputs
            How many of the decoder's levels are wanted; the finest ones.
        threads
            That may work on a volume.

        Returns
        -------
        A function of volumes (B, y, x, z, C), float32, that gives features of the levels, deepest
        first, channels last, too. What it gave holds until it is called again.
        """


def _by_openvino(
    unet: UNet, voxels: Sequence[int], n_outputs: int, threads: int
) -> Callable[[Array], list[Array]]:
    from napari_sdannce.inference.openvino_unet import compile_with_openvino

    return compile_with_openvino(unet, voxels, n_outputs, threads)


def _by_onnx(
    unet: UNet, voxels: Sequence[int], n_outputs: int, threads: int
) -> Callable[[Array], list[Array]]:
    from napari_sdannce.inference.onnx_unet import compile_with_onnx

    return compile_with_onnx(unet, voxels, n_outputs, threads)


COMPILERS: dict[Backend, Compile] = {"openvino": _by_openvino, "onnx": _by_onnx}
"""What runs a network other than torch; imported when it is used, for it may not be installed."""


def run_by(backend: Backend, network: PoseNetwork) -> PoseNetwork:
    """Let another library run the convolutions of a network, which is changed.

    Nothing is kept on the disk: to rebuild it takes a tenth of a second.

    Raises
    ------
    ValueError
        When the network is not on the CPU.
    """
    compile_unet = COMPILERS.get(backend)
    if compile_unet is None:
        return network
    device = device_of(network)
    if device.type != "cpu":
        raise ValueError(
            f"backend '{backend}' works on the CPU, the network is on '{device}': set device to "
            "cpu, or backend to torch"
        )
    if isinstance(network, SdannceNet):
        backbone, levels = network.pose_generator, N_LEVELS - 1  # its graph sees all of them
    else:
        backbone, levels = network, 1
    backbone.encoder_decoder = CompiledUNet(backbone.encoder_decoder, compile_unet, levels)
    return network


class CompiledUNet(UNet):
    """A U-Net whose decoder another library runs, compiled when the first volumes come.

    Parameters
    ----------
    unet
        With its weights.
    compile_unet
        Rebuilds it.
    n_outputs
        How many of the decoder's levels are wanted; the finest ones.
    """

    def __init__(self, unet: UNet, compile_unet: Compile, n_outputs: int) -> None:
        nn.Module.__init__(self)  # it has no layers of its own
        self.n_levels = unet.n_levels
        self._unet, self._compile, self._n_outputs = unet, compile_unet, n_outputs
        self._runs: dict[tuple[int, ...], Callable[[Array], list[Array]]] = {}

    def decode(self, x: Tensor) -> list[Tensor]:
        """Features of the wanted levels, deepest first."""
        voxels = tuple(x.shape[2:])
        if voxels not in self._runs:
            threads = torch.get_num_threads()
            self._runs[voxels] = self._compile(self._unet, voxels, self._n_outputs, threads)
        found = self._runs[voxels](x.movedim(1, -1).contiguous().numpy())
        return [torch.from_numpy(each).movedim(-1, 1) for each in found]
