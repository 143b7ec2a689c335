"""Checkpoints of the reference program (``.pth``), read without running what they hold."""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from napari_sdannce.models.checkpoint_info import CheckpointError, CheckpointInfo
from napari_sdannce.models.com import ComConfig
from napari_sdannce.models.dannce import DannceConfig
from napari_sdannce.models.reference_graph import graph_config
from napari_sdannce.recording import PixelOrigin

if TYPE_CHECKING:
    from napari_sdannce.models.checkpoint_info import NetworkConfig

# what numpy arrays, numbers and paths in the stored parameters are made of, under the names that
# numpy 1 and numpy 2 gave them; nothing else is ever looked up
_MAKERS: Any = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
_NUMPY_DTYPES = [getattr(np.dtypes, name) for name in np.dtypes.__all__ if name != "VoidDType"]
_HARMLESS: Any = [
    np.ndarray,
    np.dtype,
    *_NUMPY_DTYPES,
    *(
        (maker, f"numpy.{core}.multiarray.{maker.__name__}")
        for maker in _MAKERS
        for core in ("core", "_core")
    ),
    *(
        (PurePosixPath if path_class in (PosixPath, PurePosixPath) else PureWindowsPath, name)
        for path_class, name in (
            (PosixPath, "pathlib.PosixPath"),
            (PurePosixPath, "pathlib.PurePosixPath"),
            (WindowsPath, "pathlib.WindowsPath"),
            (PureWindowsPath, "pathlib.PureWindowsPath"),
        )
    ),
]

_BACKBONE = "pose_generator."

# what torch raises, depending on where in a damaged file it stumbles
DAMAGE = (
    RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError, OSError,
    EOFError, ArithmeticError, MemoryError, struct.error,
)  # fmt: skip
"""What reading a damaged file of torch may raise, beside `pickle.UnpicklingError`."""


def read_reference(path: Path) -> tuple[dict[str, Tensor], CheckpointInfo]:
    """Read weights of the reference program and work out what network they belong to.

    Parameters
    ----------
    path
        ``.pth`` file: a state dict, or a mapping that holds one under ``state_dict``.

    Returns
    -------
    The weights by the names of our networks, single precision, and what they are. Channels a view
    and options of the graph come from the stored parameters where those tell them.

    Raises
    ------
    CheckpointError
        When the file is damaged, holds code, or no network that we know.
    """
    content = _unpickle(path)
    weights = {
        name.removeprefix("module."): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in _state_dict(content, path).items()
    }
    stored = content.get("params")
    params = stored if isinstance(stored, Mapping) else {}
    skeleton = None
    try:
        config: NetworkConfig = _network_config(_backbone(weights), params, path)
        if isinstance(config, DannceConfig) and any(map(_of_backbone, weights)):
            config, skeleton = graph_config(weights, config, params, path)
    except ValidationError as error:
        first = error.errors()[0]
        raise CheckpointError(
            f"{path}: no network can have {first['loc'][-1]} = {first['input']}: {first['msg']}"
        ) from error
    epoch = content.get("epoch")
    return weights, CheckpointInfo(
        network=config,
        keypoints=() if skeleton is None else skeleton.keypoints,
        skeleton=None if skeleton is None else skeleton.name,
        # reference weights learned with the stored principal point used as it stands
        pixel_origin=PixelOrigin.REFERENCE,
        epoch=epoch if isinstance(epoch, int) and epoch >= 0 else 0,
    )


def _unpickle(path: Path) -> Mapping[str, Any]:
    try:
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            # of odd protocols; they fail or they do not
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own text advises to run the code
        culprit = str(error).split("GLOBAL ")[1:2]
        reason = (
            "not a checkpoint that can be read without running its code (it asks for "
            f"{culprit[0].split()[0]})"
            if culprit
            else "damaged, or not a checkpoint"
        )
        raise CheckpointError(f"{path}: {reason}") from error
    except DAMAGE as error:
        raise CheckpointError(
            f"{path}: damaged, or not a checkpoint: {_first_line(error)}"
        ) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, expected a state dict")
    return content


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _state_dict(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    state = content.get("state_dict", content)
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path}: has no state_dict, only {sorted(map(str, content))[:8]}")
    odd = [
        str(name)
        for name, value in state.items()
        if not (isinstance(name, str) and isinstance(value, Tensor))
    ]
    if odd:
        raise CheckpointError(f"{path}: entries of the state dict are no tensors: {odd[:4]}")
    return cast("dict[str, Tensor]", dict(state))


def _of_backbone(name: str) -> bool:
    return name.startswith(_BACKBONE)


def _backbone(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the DANNCE network inside an s-DANNCE network; all weights of another one."""
    inside = {n.removeprefix(_BACKBONE): t for n, t in weights.items() if _of_backbone(n)}
    return inside or weights


def _network_config(
    weights: dict[str, Tensor], params: Mapping[str, Any], path: Path
) -> ComConfig | DannceConfig:
    prefix = "encoder_decoder." if "encoder_decoder.encoder_res1.block.0.weight" in weights else ""
    first = weights.get(f"{prefix}encoder_res1.block.0.weight")
    last = weights.get("output_layer.weight")
    if first is None or last is None or first.ndim not in (4, 5):
        raise CheckpointError(
            f"{path}: no COM, DANNCE or s-DANNCE network: its tensors are "
            f"{', '.join(list(weights)[:4])} ..."
        )
    width, in_channels = first.shape[:2]
    norm = _norm(weights, f"{prefix}encoder_res1.block.1.")
    if first.ndim == 4:
        if in_channels not in (1, 3):
            raise CheckpointError(f"{path}: a COM network of {in_channels} colours; 1 or 3 fit")
        colours = cast("Literal[1, 3]", in_channels)
        return ComConfig(in_channels=colours, n_animals=len(last), width=width, norm=norm)
    channels = _channels_per_view(in_channels, params)
    return DannceConfig(
        n_views=in_channels // channels,
        channels_per_view=channels,
        n_keypoints=len(last),
        width=width,
        norm=norm,
    )


def _norm(weights: dict[str, Tensor], prefix: str) -> Literal["layer", "instance", "batch"]:
    if f"{prefix}gamma" in weights:
        return "layer"
    return "batch" if f"{prefix}running_mean" in weights else "instance"


def _channels_per_view(in_channels: int, params: Mapping[str, Any]) -> int:
    """1 for brightness, else 3; the stored parameters decide where they fit."""
    if params.get("mono") is True:
        return 1
    for key in ("chan_num", "n_channels_in"):
        stored = params.get(key)
        if isinstance(stored, int | np.integer) and stored > 0 and in_channels % stored == 0:
            return int(stored)
    return 3 if in_channels % 3 == 0 else 1
