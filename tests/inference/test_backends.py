"""Other libraries run networks on the CPU: what they find is what torch finds."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_sdannce.inference import predict_dannce
from napari_sdannce.inference.backends import run_by
from napari_sdannce.models import (
    CheckpointInfo,
    DannceConfig,
    build_network,
    load_checkpoint,
    save_checkpoint,
)
from napari_sdannce.models.heatmaps import soft_argmax
from napari_sdannce.models.poses import find_poses
from napari_sdannce.predictions import ComTrace, PoseStore
from napari_sdannce.settings import DanncePredictSettings, VolumeSettings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.models.poses import PoseNetwork

OTHERS = ("openvino", "onnx")
TOLERANCE_MM = 5e-3


def seeded(norm: str = "layer") -> PoseNetwork:
    network = build_network(DannceConfig(n_views=2, n_keypoints=5, width=8, norm=norm), 4).eval()
    rng = torch.Generator().manual_seed(5)
    for name, values in network.state_dict().items():
        # norms that do nothing and biases of zero would hide mistakes
        if values.ndim == 1 and "num_batches" not in name:
            values.uniform_(0.5, 1.5, generator=rng)
    return network


def found(network: PoseNetwork, volumes: np.ndarray, voxel_mm: float) -> torch.Tensor:
    with torch.inference_mode():
        return find_poses(network, torch.from_numpy(volumes), voxel_mm).positions


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("norm", ["layer", "instance", "batch"])
def test_every_norm(backend: str, norm: str) -> None:
    rng = np.random.default_rng(1)
    volumes = rng.integers(0, 256, (3, 6, 16, 16, 24), dtype=np.uint8)
    expected = found(seeded(norm), volumes, 10)
    network = run_by(backend, seeded(norm))
    np.testing.assert_allclose(found(network, volumes, 10), expected, atol=TOLERANCE_MM)
    # batches and volumes of other sizes
    np.testing.assert_allclose(found(network, volumes[1:2], 10), expected[1:2], atol=TOLERANCE_MM)
    small = np.ascontiguousarray(volumes[:2, :, :8, :, :16])
    expected = found(seeded(norm), small, 10)
    np.testing.assert_allclose(found(network, small, 10), expected, atol=TOLERANCE_MM)


@pytest.mark.parametrize("backend", OTHERS)
def test_a_volume_without_contrast(backend: str) -> None:
    volumes = np.full((1, 6, 16, 16, 16), 90, dtype=np.uint8)
    expected = found(seeded(), volumes, 10)
    network = run_by(backend, seeded())
    np.testing.assert_allclose(found(network, volumes, 10), expected, atol=TOLERANCE_MM)


def test_large_volumes_lose_no_precision() -> None:
    volumes = np.random.default_rng(1).integers(0, 256, (1, 6, 80, 80, 80), dtype=np.uint8)
    with torch.inference_mode():
        exact = seeded().double()(torch.from_numpy(volumes).double() / 127.5 - 1)
        expected = soft_argmax(exact, 3.0)
    for backend in ("torch", *OTHERS):
        network = run_by(backend, seeded())
        np.testing.assert_allclose(found(network, volumes, 3.0), expected, atol=TOLERANCE_MM)


@pytest.mark.golden
@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize(
    ("weights", "numbers", "names"),
    [
        ("dannce_compressed", "dannce_compressed", {"positions": "coords"}),
        ("sdannce_posegcn", "sdannce", {"initial": "init_poses", "positions": "final_poses"}),
    ],
)
def test_networks_of_the_reference(
    golden: Path, backend: str, weights: str, numbers: str, names: dict[str, str]
) -> None:
    checkpoint = golden / f"ckpt_{weights}_cam6.pth"
    network = run_by(backend, load_checkpoint(checkpoint).pose)
    itself = load_checkpoint(checkpoint).pose
    for voxels in (16, 32):
        stored = np.load(golden / f"net_{numbers}_cam6_nvox{voxels}.npz")
        volumes = torch.from_numpy(stored["volume_u8"]).permute(0, 4, 1, 2, 3)
        with torch.inference_mode():
            poses = find_poses(network, volumes, 240 / voxels)
            by_torch = find_poses(itself, volumes, 240 / voxels)
        for ours, theirs in names.items():
            one, other = getattr(poses, ours).numpy(), getattr(by_torch, ours).numpy()
            np.testing.assert_allclose(one, other, atol=TOLERANCE_MM)
            world = (one + stored["com"][:, None]).transpose(0, 2, 1)
            np.testing.assert_allclose(
                world, stored[theirs], atol=TOLERANCE_MM if voxels < 32 else 1e-2
            )


def test_predicting_with_them(disc_scene, tmp_path: Path) -> None:
    config = DannceConfig(n_views=4, n_keypoints=4, width=2)
    volume = VolumeSettings(voxels=8, size_mm=120)
    info = CheckpointInfo(network=config, volume=volume, keypoints=tuple("abcd"))
    weights = save_checkpoint(tmp_path / "weights", build_network(config, 0), info)
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    positions = []
    for backend in ("torch", *OTHERS):
        settings = DanncePredictSettings(
            checkpoint=weights, output=tmp_path / backend, backend=backend, device="cpu", count=6
        )
        list(predict_dannce(disc_scene.recording, settings, trace))
        positions.append(PoseStore.open(tmp_path / backend / "poses.zarr").poses().positions)
    for other in positions[1:]:
        np.testing.assert_allclose(other, positions[0], atol=TOLERANCE_MM)


def test_only_on_the_cpu() -> None:
    network = build_network(DannceConfig(n_views=2, n_keypoints=5, width=2)).to("meta")
    with pytest.raises(
        ValueError, match="backend 'onnx' works on the CPU, the network is on 'meta'"
    ):
        run_by("onnx", network)


SIGNAL_AFTER_TWO = """
import faulthandler, gc, signal
faulthandler.enable()  # as pytest does: a stack of its own for signals
from napari_sdannce.inference.openvino_unet import compile_with_openvino
from napari_sdannce.models import DannceConfig, build_network
unet = build_network(DannceConfig(n_views=1, n_keypoints=1, width=2), 0).encoder_decoder
first, second = (compile_with_openvino(unet, (8, 8, 8), 1, 1) for _ in range(2))
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGTERM, lambda *about: print("heard"))
signal.raise_signal(signal.SIGTERM)
"""


def test_signals_are_heard_when_networks_are_gone() -> None:
    command = [sys.executable, "-c", SIGNAL_AFTER_TWO]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "heard\n")
