"""Checkpoints that the reference program can load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_sdannce.models.checkpoint_info import CheckpointError
from napari_sdannce.models.com import ComConfig
from napari_sdannce.models.sdannce import SdannceConfig

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Network

# widths that the reference program can build
_NET_TYPES = {32: "compressed_dannce", 64: "dannce"}


def write_reference(path: Path, network: Network, info: CheckpointInfo) -> Path:
    """Write weights as the reference program stores them.

    Its networks are built from its configuration, not from the checkpoint: the widths 32
    (``compressed_dannce``) and 64, six cameras or another number as ``n_views``. Its graph network
    takes a voxel (n - 1) / n as large as it is; weights trained with the right size give poses
    that differ by that much of the refinement.

    Raises
    ------
    CheckpointError
        When the reference program has no such network.
    """
    config = info.network
    if config.width not in _NET_TYPES or (isinstance(config, ComConfig) and config.width != 32):
        raise CheckpointError(
            f"{path}: the reference program has no network of width {config.width}, only of 32 "
            "(compressed) and, for poses, 64 (full)"
        )
    params: dict[str, Any] = {"norm_method": config.norm}
    if not isinstance(config, ComConfig):
        params |= {
            "net_type": _NET_TYPES[config.width],
            "n_views": config.n_views,
            "n_channels_out": config.n_keypoints,
            "mono": config.channels_per_view == 1,
            "chan_num": config.channels_per_view,
            "skeleton": info.skeleton,
        }
    if isinstance(config, SdannceConfig):
        params["graph_cfg"] = {
            "hidden_dim": config.hidden,
            "n_layers": config.layers,
            "base_block": {"semantic": "sem", "modulated": "modulated"}[config.block],
            "norm_type": None if config.graph_norm == "none" else config.graph_norm,
            "dropout": config.dropout or None,
            "fuse_dim": config.fuse,
            "use_features": config.features,
            "use_residual": config.residual,
            "predict_diff": config.difference,
            "use_relpose": config.relative,
            "relpose": config.relative,
            "n_instances": 1,
        }
    optimiser = torch.optim.Adam(network.parameters(), eps=1e-7)
    content = {
        "epoch": info.epoch,
        "state_dict": {name: each.detach().cpu() for name, each in network.state_dict().items()},
        "optimizer": optimiser.state_dict(),
        "params": params,
    }
    draft = path.with_name(path.name + ".part")
    torch.save(content, draft)
    draft.replace(path)
    return path
