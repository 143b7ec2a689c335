"""Half precision is for convolutions alone: what is in mm keeps its digits.

It is used on CUDA only; here, bfloat16 on the CPU stands for it, which is coarser still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_sdannce.inference import predict_com
from napari_sdannce.models import (
    CheckpointInfo,
    ComConfig,
    DannceConfig,
    SdannceConfig,
    build_network,
    save_checkpoint,
)
from napari_sdannce.models.heatmaps import covariance, soft_argmax
from napari_sdannce.models.poses import find_poses
from napari_sdannce.settings import ComImageSettings, ComPredictSettings, ComTrainSettings
from napari_sdannce.training import train_com

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

GENERATOR = torch.Generator().manual_seed(0)
USERS = ("models.poses", "inference.com_finder", "training.com")


@pytest.fixture(autouse=True)
def half_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def halves(device: torch.device, *, wanted: bool = True) -> AbstractContextManager[object]:
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)

    for module in USERS:
        monkeypatch.setattr(f"napari_sdannce.{module}.mixed_precision", halves)


def network(kind: str, **more: Any) -> torch.nn.Module:
    shared = {"n_views": 2, "n_keypoints": 3, "width": 4}
    if kind == "dannce":
        return build_network(DannceConfig(**shared), 0).eval()
    bones = ((0, 1), (1, 2))
    return build_network(SdannceConfig(**shared, bones=bones, **more), 0).eval()


def volumes() -> torch.Tensor:
    return 255 * torch.rand(2, 6, 16, 16, 16, generator=GENERATOR)


def test_positions_and_covariances_are_those_of_the_heatmaps() -> None:
    shown = volumes()
    net = network("dannce")
    with torch.inference_mode():
        net.output_layer.weight *= 200  # heatmaps with peaks
        half, whole = (find_poses(net, shown, 5.0, mixed=mixed) for mixed in (True, False))
        assert not torch.equal(half.logits, whole.logits)
        assert half.logits.dtype == torch.float32
        expected = soft_argmax(half.logits.double(), 5.0)
        assert float((half.positions - expected).abs().max()) < 1e-3
        wide = covariance(half.logits.double(), 5.0)
        assert float((half.covariance(5.0) - wide).abs().max()) < 0.1


@pytest.mark.parametrize("relative", [True, False])
def test_a_graph_keeps_the_digits_of_the_world(relative: bool) -> None:
    """At 3 m from the origin, half precision knows steps of 8 to 16 mm."""
    shown, centres = volumes(), torch.full((2, 3), 3000.0)
    net = network("sdannce", relative=relative, residual=not relative, difference=relative)
    with torch.inference_mode():
        half, whole = (find_poses(net, shown, 5.0, centres, mixed=mixed) for mixed in (True, False))
    assert half.positions.dtype == torch.float32
    assert half.initial is not None
    assert float((half.positions - whole.positions).abs().max()) < 1.0
    assert float((half.initial - soft_argmax(half.logits, 5.0)).abs().max()) == 0


@pytest.mark.parametrize("channels", ["identity", "shared"])
def test_coms_are_found_and_learned(disc_scene: Any, tmp_path: Path, channels: str) -> None:
    config = ComConfig(n_animals=2, width=2, channels=channels)
    info = CheckpointInfo(
        network=config, animals=("white", "black"), image=ComImageSettings(downsample=4)
    )
    settings = ComPredictSettings(
        checkpoint=save_checkpoint(tmp_path / "net", build_network(config, 0), info),
        output=tmp_path / "out",
        device="cpu",
        count=2,
    )
    list(predict_com(disc_scene.recording, settings))
    training = ComTrainSettings(
        experiments=[{"folder": disc_scene.folder}],
        output=tmp_path / "run",
        channels=channels,
        width=2,
        image={"downsample": 4},
        steps=2,
        device="cpu",
    )
    list(train_com(training))
    assert np.isfinite(
        float((tmp_path / "run" / "training.csv").read_text().splitlines()[1].split(",")[1])
    )
