"""Checkpoints: weights with everything needed to use them.

Ours are a ``.safetensors`` file with the weights beside a ``.json`` file that says what they are
(`CheckpointInfo`). Reference ``.pth`` files are read by `napari_sdannce.models.reference`. Nothing
stored in a file is ever executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from napari_sdannce.models.checkpoint_info import CheckpointError, CheckpointInfo
from napari_sdannce.models.com import ComNet
from napari_sdannce.models.dannce import DannceNet
from napari_sdannce.models.reference import read_reference
from napari_sdannce.models.sdannce import SdannceNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_sdannce.models.checkpoint_info import NetworkConfig
    from napari_sdannce.models.poses import PoseNetwork

Network = ComNet | DannceNet | SdannceNet

_EXPECTED = "a .safetensors file of ours, or a .pth of the reference program"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network with its weights, and what they are."""

    network: Network
    info: CheckpointInfo
    path: Path

    @property
    def dannce(self) -> DannceNet:
        """The network, which must be a DANNCE network."""
        if isinstance(self.network, DannceNet):
            return self.network
        raise self._not_a("dannce")

    @property
    def pose(self) -> PoseNetwork:
        """The network, which must find keypoints: DANNCE or s-DANNCE."""
        if isinstance(self.network, DannceNet | SdannceNet):
            return self.network
        raise self._not_a("dannce or sdannce")

    @property
    def com(self) -> ComNet:
        """The network, which must be a COM network."""
        if isinstance(self.network, ComNet):
            return self.network
        raise self._not_a("com")

    def _not_a(self, kind: str) -> CheckpointError:
        return CheckpointError(
            f"{self.path}: holds a {self.info.network.kind} network, expected a {kind} network"
        )


_NETWORKS: dict[str, Callable[[Any], Network]] = {
    "com": ComNet,
    "dannce": DannceNet,
    "sdannce": SdannceNet,
}


def build_network(config: NetworkConfig, seed: int | None = None) -> Network:
    """Build a network from its config; fresh weights follow `seed` and nothing else."""
    if seed is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_network(config)
    return _NETWORKS[config.kind](config)


def save_checkpoint(path: Path, network: Network, info: CheckpointInfo) -> Path:
    """Write weights to ``path`` (``.safetensors``) and `info` to the ``.json`` beside it.

    Each file replaces its predecessor at once, so a job killed on the way leaves none half written.

    Raises
    ------
    OSError
        When the weights can not be written, for example to a full disk.
    """
    if info.network != network.config:
        raise ValueError(f"{path}: info describes another network than the one given")
    path = path.with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    about = path.with_suffix(".json")
    draft, about_draft = (each.with_name(each.name + ".part") for each in (path, about))
    try:
        save_file(weights, draft, metadata={"format": "pt"})
        about_draft.write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")
        # weights are written for their owner alone; they are as open as any other file
        draft.chmod(about_draft.stat().st_mode & 0o777)
        draft.replace(path)
        about_draft.replace(about)
    except SafetensorError as error:
        raise OSError(f"{path}: the weights could not be written: {error}") from error
    except OSError as error:
        # a full disk is an error that names no file
        raise OSError(f"{path}: it could not be written: {error.strerror or error}") from error
    finally:
        for each in (draft, about_draft):
            each.unlink(missing_ok=True)
    return path


def load_checkpoint(path: str | Path, device: str = "cpu") -> Checkpoint:
    """Load a network with its weights, in evaluation mode.

    Parameters
    ----------
    path
        ``.safetensors`` (or the ``.json`` beside it), or a reference ``.pth``.
    device
        Where the network shall live.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    CheckpointError
        When the file is damaged, or weights do not fit; says which tensors.
    """
    file = _weights_file(path)
    if file.suffix == ".safetensors":
        weights, info = _read_weights(file), _read_info(file)
    else:
        weights, info = read_reference(file)
    network = build_network(info.network)
    load_weights(network, weights, file)
    return Checkpoint(network.to(device).eval(), info, file)


def read_info(path: str | Path) -> CheckpointInfo:
    """Read what a checkpoint says of itself, without building the network.

    Raises
    ------
    FileNotFoundError, CheckpointError
        As `load_checkpoint`.
    """
    file = _weights_file(path)
    return _read_info(file) if file.suffix == ".safetensors" else read_reference(file)[1]


def load_weights(network: Network, weights: dict[str, Tensor], path: Path) -> None:
    """Put weights into a network; what does not fit exactly, or is no number, is an error."""
    own = network.state_dict()
    missing = [name for name in own if name not in weights]
    unknown = [name for name in weights if name not in own]
    differing = [
        f"{name} is {tuple(weights[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    whole = [
        f"{name} is {weights[name].dtype}, expected real numbers"
        for name in own
        if name in weights
        and own[name].is_floating_point()
        and not weights[name].is_floating_point()
    ]
    complaints = (
        [
            f"{what}: {_some(names)}"
            for what, names in (("missing", missing), ("not in the network", unknown))
            if names
        ]
        + differing[:4]
        + whole[:4]
    )
    if complaints:
        raise CheckpointError(
            f"{path}: the weights do not fit a {network.config.kind} network of width "
            f"{network.config.width}: {'; '.join(complaints)}"
        )
    odd = [name for name in own if not torch.isfinite(weights[name]).all()]
    if odd:
        raise CheckpointError(
            f"{path}: weights are no numbers (NaN or infinite): {_some(odd)}; its training went "
            "wrong, or the file is damaged"
        )
    network.load_state_dict(weights)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more tensors"


def _weights_file(path: str | Path) -> Path:
    """File with the weights of a checkpoint that is there."""
    file = Path(path)
    if file.suffix == ".json":
        file = file.with_suffix(".safetensors")
    if file.is_dir():
        raise CheckpointError(f"{file}: a folder, expected {_EXPECTED}{_inside(file)}")
    if not file.is_file():
        raise FileNotFoundError(f"no checkpoint {file}; expected {_EXPECTED}")
    return file


def _inside(folder: Path) -> str:
    """Say what a run folder holds."""
    found = sorted(folder.glob("checkpoints/*.safetensors")) or sorted(folder.glob("*.safetensors"))
    return f", such as {found[0]}" if found else ""


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file, or damaged: {error}") from error
    return weights


def _read_info(weights_file: Path) -> CheckpointInfo:
    path = weights_file.with_suffix(".json")
    if not path.is_file():
        raise FileNotFoundError(f"no {path}, which must lie beside the weights and describe them")
    try:
        return CheckpointInfo.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: does not describe a checkpoint: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        said = f"'{where}': {message}" if where else message
        raise CheckpointError(f"{path}: does not describe a checkpoint: {said}") from error
