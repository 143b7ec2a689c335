"""What is particular to training the COM network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.models import load_checkpoint
from napari_sdannce.settings import ComTrainSettings
from napari_sdannce.settings.events import EpochDone
from napari_sdannce.training import train_com
from napari_sdannce.training.com import peak_errors
from napari_sdannce.training.com_examples import ComExample, plain_image, random_image

if TYPE_CHECKING:
    from pathlib import Path


def test_one_heatmap_of_all_animals_by_the_focal_loss(disc_scene, tmp_path: Path) -> None:
    settings = ComTrainSettings(
        experiments=[{"folder": disc_scene.folder}],
        output=tmp_path / "run",
        width=2,
        image={"downsample": 2},
        channels="shared",
        loss="FocalLoss",
        augment_flip=True,
        steps=8,
        validation_frames=4,
        device="cpu",
    )
    losses = [e.metrics for e in train_com(settings) if isinstance(e, EpochDone)]
    assert set(losses[-1]) == {"train_FocalLoss", "train_peak_distance_px", "val_FocalLoss",
                               "val_peak_distance_px"}  # fmt: skip
    saved = load_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    config = saved.com.config
    assert (config.channels, config.n_animals, config.n_heatmaps) == ("shared", 2, 1)
    assert config.logits
    assert saved.info.animals == ("white", "black")


def test_errors_of_peaks() -> None:
    maps = np.zeros((2, 2, 20, 30), np.float32)
    maps[0, 0, 5, 4], maps[0, 1, 12, 20] = 1, 0.5
    maps[1, 0, 9, 9] = 1  # nothing shows the second animal
    points = np.array([[[4.0, 5], [23, 16]], [[9, 9], [3, 3]]])
    assert peak_errors(maps, points).tolist() == [0, 5, 0, 30]
    points[1, 1] = np.nan
    assert peak_errors(maps, points).tolist() == [0, 5, 0]
    shared = maps.max(axis=1, keepdims=True)
    # any of the highest two may be either animal's
    assert peak_errors(shared, points[:, ::-1]).tolist() == [5, 0, 0]


@pytest.mark.parametrize("channels", ["identity", "shared"])
def test_the_target_goes_with_the_picture(channels: str) -> None:
    settings = ComTrainSettings(
        image={"downsample": 1}, sigma_px=3, channels=channels, augment_flip=True
    )
    points = np.array([[30.0, 20.0], [52.0, 28.0]])
    y, x = np.mgrid[:48, :80]
    off = np.stack([x, y], axis=-1) - points[:, None, None]
    spots = np.exp(-(off**2).sum(axis=-1) / 18)
    image = (255 * spots.max(axis=0)[..., None].repeat(3, axis=2)).astype(np.uint8)
    example = ComExample(image, points, 0)
    plain = plain_image(example, settings).target
    assert plain.shape == ((2 if channels == "identity" else 1), 48, 80)
    np.testing.assert_allclose(plain.max(axis=0), spots.max(axis=0), atol=1e-5)
    mirrored = 0
    for seed in range(8):
        drawn = random_image(example, settings, np.random.default_rng(seed))
        seen = drawn.image[..., 0].astype(float)
        likeness = np.corrcoef(seen.ravel(), drawn.target.max(axis=0).ravel())[0, 1]
        assert likeness > 0.95
        mirrored += drawn.points[0, 0] > drawn.points[1, 0]
    assert 0 < mirrored < 8
