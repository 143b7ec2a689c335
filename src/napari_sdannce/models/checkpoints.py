"""Checkpoints: weights with everything needed to use them.

Ours are a ``.safetensors`` file with the weights beside a ``.json`` file that says what they are
(`CheckpointInfo`). Reference ``.pth`` files are read by `napari_sdannce.models.reference`. Nothing
stored in a file is ever executed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from napari_sdannce.models.com import ComConfig, ComNet
from napari_sdannce.models.dannce import DannceConfig, DannceNet
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings.com import ComImageSettings
from napari_sdannce.settings.volume import VolumeSettings

Network = ComNet | DannceNet
NetworkConfig = Annotated[ComConfig | DannceConfig, Field(discriminator="kind")]


class CheckpointError(ValueError):
    """A checkpoint can not be read, or does not fit. The message names the file."""


class CheckpointInfo(BaseModel):
    """What a checkpoint holds and how it was trained.

    Fields that a reference ``.pth`` does not tell are None or empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["napari-sdannce checkpoint"] = "napari-sdannce checkpoint"
    version: Literal[1] = 1
    network: NetworkConfig
    keypoints: tuple[str, ...] = Field((), description="Names, in the order of the heatmaps")
    skeleton: str | None = None
    animals: tuple[str, ...] = Field((), description="COM network: names, in heatmap order")
    cameras: tuple[str, ...] = Field((), description="Camera names of training, in order")
    pixel_origin: PixelOrigin | None = Field(
        None, description="How the calibrations of training were read"
    )
    volume: VolumeSettings | None = Field(None, description="DANNCE: the cube of voxels")
    image: ComImageSettings | None = Field(None, description="COM: how frames become images")
    epoch: int = Field(0, ge=0, description="Passes over the training examples so far")
    metrics: dict[str, float] = Field({}, description="Losses and errors at this epoch")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network with its weights, and what they are."""

    network: Network
    info: CheckpointInfo
    path: Path

    @property
    def dannce(self) -> DannceNet:
        """The network, which must be a DANNCE network."""
        if not isinstance(self.network, DannceNet):
            raise CheckpointError(
                f"{self.path}: holds a {self.info.network.kind} network, expected a dannce network"
            )
        return self.network

    @property
    def com(self) -> ComNet:
        """The network, which must be a COM network."""
        if not isinstance(self.network, ComNet):
            raise CheckpointError(
                f"{self.path}: holds a {self.info.network.kind} network, expected a com network"
            )
        return self.network


def build_network(config: ComConfig | DannceConfig, seed: int | None = None) -> Network:
    """Build a network from its config; fresh weights follow `seed` and nothing else."""
    if seed is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_network(config)
    return ComNet(config) if isinstance(config, ComConfig) else DannceNet(config)


def save_checkpoint(path: Path, network: Network, info: CheckpointInfo) -> Path:
    """Write weights to ``path`` (``.safetensors``) and `info` to the ``.json`` beside it.

    Each file replaces its predecessor at once, so a job killed on the way leaves none half written.
    """
    if info.network != network.config:
        raise ValueError(f"{path}: info describes another network than the one given")
    path = path.with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    draft = path.with_name(path.name + ".part")
    save_file(weights, draft, metadata={"format": "pt"})
    about = path.with_suffix(".json")
    about_draft = about.with_name(about.name + ".part")
    about_draft.write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    about_draft.replace(about)
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
    path = Path(path)
    if path.suffix == ".json":
        path = path.with_suffix(".safetensors")
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    if path.suffix == ".safetensors":
        weights, info = _read_weights(path), _read_info(path.with_suffix(".json"))
    else:
        from napari_sdannce.models.reference import read_reference

        weights, info = read_reference(path)
    network = build_network(info.network)
    load_weights(network, weights, path)
    return Checkpoint(network.to(device).eval(), info, path)


def read_info(path: str | Path) -> CheckpointInfo:
    """Read what a checkpoint says of itself, without building the network.

    Raises
    ------
    FileNotFoundError, CheckpointError
        As `load_checkpoint`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    if path.suffix in (".safetensors", ".json"):
        return _read_info(path.with_suffix(".json"))
    from napari_sdannce.models.reference import read_reference

    return read_reference(path)[1]


def load_weights(network: Network, weights: dict[str, Tensor], path: Path) -> None:
    """Put weights into a network; anything that does not fit exactly is an error."""
    own = network.state_dict()
    missing = [name for name in own if name not in weights]
    unknown = [name for name in weights if name not in own]
    differing = [
        f"{name} is {tuple(weights[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    complaints = [
        f"{what}: {_some(names)}"
        for what, names in (("missing", missing), ("not in the network", unknown))
        if names
    ] + differing[:4]
    if complaints:
        raise CheckpointError(
            f"{path}: the weights do not fit a {network.config.kind} network of width "
            f"{network.config.width}: {'; '.join(complaints)}"
        )
    network.load_state_dict(weights)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more tensors"


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file, or damaged: {error}") from error
    return weights


def _read_info(path: Path) -> CheckpointInfo:
    if not path.is_file():
        raise FileNotFoundError(f"no {path}, which must lie beside the weights and describe them")
    try:
        return CheckpointInfo.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: does not describe a checkpoint: {error}") from error
