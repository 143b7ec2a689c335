"""Networks, heatmaps and checkpoints."""

from napari_sdannce.models.checkpoint_info import CheckpointError, CheckpointInfo
from napari_sdannce.models.checkpoints import (
    Checkpoint,
    build_network,
    load_checkpoint,
    save_checkpoint,
)
from napari_sdannce.models.com import ComConfig, ComNet
from napari_sdannce.models.dannce import DannceConfig, DannceNet
from napari_sdannce.models.sdannce import SdannceConfig, SdannceNet

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "CheckpointInfo",
    "ComConfig",
    "ComNet",
    "DannceConfig",
    "DannceNet",
    "SdannceConfig",
    "SdannceNet",
    "build_network",
    "load_checkpoint",
    "save_checkpoint",
]
