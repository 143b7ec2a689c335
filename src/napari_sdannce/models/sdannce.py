"""The s-DANNCE network: DANNCE finds a first pose, a graph network over the skeleton refines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from napari_sdannce.models.dannce import DannceConfig, DannceNet, VolumeConfig
from napari_sdannce.models.devices import full_precision
from napari_sdannce.models.heatmaps import soft_argmax, voxel_probability
from napari_sdannce.models.pose_graph import (
    CONVS,
    GraphBlock,
    GraphLayer,
    ResidualGraphLayers,
    SemanticGraphConv,
    adjacency,
    graph_norm,
)


class SdannceConfig(VolumeConfig):
    """All that is needed to build an `SdannceNet`."""

    kind: Literal["sdannce"] = "sdannce"
    bones: tuple[tuple[int, int], ...] = Field(description="Pairs of keypoints that a bone joins")
    hidden: int = Field(128, ge=1, le=4096, description="Channels of the graph network")
    layers: int = Field(3, ge=0, le=100, description="Residual blocks of the graph network")
    block: GraphBlock = "semantic"
    graph_norm: str = Field("batch", description="batch, layer, none, or node_... (`graph_norm`)")
    dropout: float = Field(0.0, ge=0, lt=1)
    features: bool = Field(True, description="Show the graph what the backbone sees at a keypoint")
    fuse: int = Field(128, ge=1, le=4096, description="Channels these features are reduced to")
    relative: bool = Field(True, description="Keypoints enter in voxels from the volume's centre")
    difference: bool = Field(True, description="The graph gives a change, not a position")
    residual: bool = Field(False, description="Add the first pose (mm) to what the graph gives")
    scale: Literal["exact", "reference"] = Field(
        "exact",
        description="reference: a voxel is taken (n - 1) / n as large as it is, and features are "
        "read off place accordingly, as pretrained s-DANNCE weights learned",
    )

    @model_validator(mode="after")
    def _graph_can_be_built(self) -> Self:
        if any(not 0 <= end < self.n_keypoints for bone in self.bones for end in bone):
            raise ValueError(f"bones join keypoints 0 to {self.n_keypoints - 1}, got {self.bones}")
        graph_norm(self.graph_norm, 1)
        return self


@dataclass(frozen=True, eq=False)
class Refined:
    """What an s-DANNCE network says of volumes.

    Positions are (B, K, 3) x, y, z in mm from the centre of each volume.

    Parameters
    ----------
    initial
        The backbone's pose.
    final
        The refined pose.
    graph
        (B, K, 3) what the graph network gave, in voxels.
    voxel_mm
        What the network takes for the size of a voxel.
    logits
        (B, K, y, x, z) the backbone's heatmaps.
    """

    initial: Tensor
    final: Tensor
    graph: Tensor
    voxel_mm: float
    logits: Tensor


class SdannceNet(nn.Module):
    """DANNCE with a graph network behind it; keys and outputs are those of the reference's.

    Parameters
    ----------
    config
        Backbone, skeleton and options of the graph.
    """

    def __init__(self, config: SdannceConfig) -> None:
        super().__init__()
        self.config = config
        shared = config.model_dump(include=set(VolumeConfig.model_fields))
        self.pose_generator = DannceNet(DannceConfig(**shared))
        adjacent = adjacency(config.n_keypoints, config.bones)
        if config.features:
            self.fusion_layer = nn.Conv1d(7 * config.width, config.fuse, kernel_size=1)
        inputs = 3 + (config.fuse if config.features else 0)
        self.gconv_input = nn.Sequential(self._layer(inputs, adjacent))
        self.gconv_layers = nn.Sequential(
            *(
                ResidualGraphLayers(
                    self._layer(config.hidden, adjacent), self._layer(config.hidden, adjacent)
                )
                for _ in range(config.layers)
            )
        )
        self.gconv_output = SemanticGraphConv(config.hidden, 3, adjacent)

    def _layer(self, inputs: int, adjacent: Tensor) -> GraphLayer:
        c = self.config
        conv = CONVS[c.block](inputs, c.hidden, adjacent)
        return GraphLayer(conv, graph_norm(c.graph_norm, c.hidden), c.dropout)

    def forward(self, volumes: Tensor, voxel_mm: float, centres: Tensor | None = None) -> Refined:
        """Find poses in volumes.

        Parameters
        ----------
        volumes
            As `DannceNet.forward`.
        voxel_mm
            Edge length of a voxel.
        centres
            (B, 3) centres of the volumes in the world, mm; needed only by networks that are not
            relative, or residual.

        Raises
        ------
        ValueError
            When volumes do not fit, or centres are needed and not given.
        """
        logits, features = self.pose_generator.logits_and_features(volumes)
        with full_precision(logits.device):
            return self._refined(logits.float(), features, voxel_mm, centres)

    def _refined(
        self, logits: Tensor, features: list[Tensor], voxel_mm: float, centres: Tensor | None
    ) -> Refined:
        c = self.config
        initial = soft_argmax(logits, voxel_mm)
        n = logits.shape[-1]
        unit = voxel_mm * (n - 1) / n if c.scale == "reference" else voxel_mm
        if centres is None:
            if not c.relative or c.residual:
                raise ValueError("this network works in world coordinates: it needs the centres")
            centres = torch.zeros_like(initial[:, 0])
        nodes = initial / unit if c.relative else initial + centres[:, None]
        if c.features:
            nodes = torch.cat([self._fused(logits, features), nodes], dim=-1)
        graph = self.gconv_output(self.gconv_layers(self.gconv_input(nodes)))
        if c.residual:
            graph = graph + initial + centres[:, None]
        final = self._final(graph, initial, unit, centres)
        return Refined(initial, final, graph, unit, logits)

    def _final(self, graph: Tensor, initial: Tensor, unit: float, centres: Tensor) -> Tensor:
        if not self.config.relative:
            return graph + initial if self.config.difference else graph - centres[:, None]
        return graph * unit + (initial if self.config.difference else 0)

    def _fused(self, logits: Tensor, features: list[Tensor]) -> Tensor:
        """(B, K, fuse) what the decoder's levels hold at each keypoint's expected voxel."""
        places = self.feature_places(logits)[:, :, None, None]
        there = [
            nn.functional.grid_sample(level.float(), places, align_corners=True)[..., 0, 0]
            for level in features
        ]
        fused: Tensor = self.fusion_layer(torch.cat(there, dim=1))
        return fused.transpose(1, 2)

    def feature_places(self, logits: Tensor) -> Tensor:
        """(B, K, 3) expected voxel of each heatmap in [-1, 1], in the order z, x, y."""
        probability = voxel_probability(logits)
        marginals = [probability.sum(dim=dims) for dims in ((2, 3), (2, 4), (3, 4))]
        index = [m @ torch.arange(m.shape[-1], dtype=m.dtype, device=m.device) for m in marginals]
        last = logits.shape[-1] - (0 if self.config.scale == "reference" else 1)
        return torch.stack(index, dim=-1) / last * 2 - 1
