from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_sdannce.models.heatmaps import soft_argmax
from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings
from napari_sdannce.training.augmentation import (
    ColourChange,
    ImageChange,
    blank_views,
    choose_views,
    quarter_turn,
    take_views,
    turn_volume,
)

if TYPE_CHECKING:
    from pathlib import Path


def channels_first(volume: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(volume).movedim(-1, 0)


@pytest.mark.golden
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turns_of_the_reference(golden: Path, quarters: int) -> None:
    stored = np.load(golden / "augment_volume.npz")
    expected = stored[f"rot{90 * quarters}"]
    turned = [turn_volume(channels_first(stored["X"][0]), k) for k in range(4)]
    # the reference turns by the same set of angles, in either sense
    matches = [k for k in range(4) if torch.equal(turned[k], channels_first(expected))]
    assert matches == [quarters]


@pytest.mark.golden
@pytest.mark.parametrize(
    ("volume", "index"),
    [
        ("rand_views_seed0_replace", "rand_views_idx_seed0"),
        ("random_perm_seed1", "random_perm_idx_seed1"),
    ],
)
def test_views_of_the_reference(golden: Path, volume: str, index: str) -> None:
    stored = np.load(golden / "augment_volume.npz")
    taken = take_views(channels_first(stored["X"][0]), stored[index], channels=3)
    assert torch.equal(taken, channels_first(stored[volume][0]))


@pytest.mark.parametrize("quarters", range(4))
def test_points_turn_with_the_volume(quarters: int) -> None:
    logits = torch.full((1, 8, 8, 8), -60.0)
    logits[0, 1, 6, 3] = 60  # y, x, z

    def peak(volume: torch.Tensor) -> np.ndarray:
        return soft_argmax(volume[None], voxel_mm=1.0)[0, 0].double().numpy()

    turned = peak(turn_volume(logits, quarters))
    np.testing.assert_allclose(turned, quarter_turn(quarters) @ peak(logits), atol=1e-6)
    if quarters == 1:  # from x towards y
        np.testing.assert_allclose(quarter_turn(1) @ [1.0, 0, 5], [0, 1, 5])


def test_views_are_repeated_and_left_out_whole() -> None:
    volume = torch.arange(6 * 2 * 2 * 2).reshape(6, 2, 2, 2)
    taken = take_views(volume, [1, 1, 0], channels=3)
    assert taken.shape == (9, 2, 2, 2)
    assert torch.equal(taken[:3], volume[3:])
    assert torch.equal(taken[6:], volume[:3])


def test_drawn_views() -> None:
    rng = np.random.default_rng(0)

    def draw(**settings: object) -> np.ndarray:
        s = DannceTrainSettings(**settings)
        return np.stack([choose_views(6, s, rng) for _ in range(300)])

    assert (draw(views="all") == np.arange(6)).all()
    shuffled = draw(views="shuffled")
    assert (np.sort(shuffled, axis=1) == np.arange(6)).all()
    assert len(np.unique(shuffled, axis=0)) > 200
    without = draw(views="without_replacement", n_views=3)
    assert without.shape == (300, 3)
    assert all(len(set(row)) == 3 for row in without.tolist())
    repeats = [len(set(row)) < 6 for row in draw(views="with_replacement").tolist()]
    assert np.mean(repeats) > 0.9  # 6! / 6^6 = 1.5 % have none
    with pytest.raises(ValueError, match="n_views 3 needs views to be"):
        DannceTrainSettings(n_views=3, views="all")


def test_image_and_points_change_alike() -> None:
    settings = ComTrainSettings(augment_turn_deg=40, augment_brightness=0)
    y, x = np.mgrid[:60, :80]
    for seed in range(5):
        change = ImageChange.draw((80, 60), settings, np.random.default_rng(seed))
        point = np.array([44.0, 27.0])
        spot = 255 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / 18)
        moved = change.image(spot[..., None].astype(np.float32))[..., 0].astype(np.float64)
        centre = np.array([(moved * x).sum(), (moved * y).sum()]) / moved.sum()
        np.testing.assert_allclose(centre, change.points(point), atol=0.1)
        assert change.gain == 1


def test_brightness_stays_a_picture() -> None:
    settings = ComTrainSettings(augment_brightness=1)
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    means = []
    for seed in range(20):
        changed = ImageChange.draw((16, 16), settings, np.random.default_rng(seed)).image(image)
        assert changed.dtype == np.uint8
        assert changed.shape == image.shape
        means.append(changed.mean())
    assert np.ptp(means) > 50


def test_blanked_views() -> None:
    rng = np.random.default_rng(0)
    volume = torch.arange(1, 19, dtype=torch.float32).reshape(18, 1, 1, 1).expand(18, 4, 4, 4)
    counts = []
    for _ in range(400):
        blanked = blank_views(volume, n_views=6, share=0.5, rng=rng)
        by_view = blanked.reshape(6, 3, -1)
        grey = (by_view == 127.5).all(dim=-1).all(dim=-1)
        whole = (blanked == volume).reshape(6, -1).all(dim=-1)
        assert torch.equal(grey, ~whole)  # each view is all there or all grey
        counts.append(int(grey.sum()))
    assert max(counts) == 4  # two always stay
    assert np.mean(counts) == pytest.approx(0.5 * 4, abs=0.15)
    assert torch.equal(volume[:, 0, 0, 0], torch.arange(1.0, 19))  # the volume itself is as it was


@pytest.mark.parametrize(
    "change", [{"augment_brightness": 0.5}, {"augment_contrast": 0.8}, {"augment_hue": 0.5}]
)
def test_coloured_volumes_stay_pictures(change: dict[str, float]) -> None:
    """In the reference they are destroyed: 0 to 1 is expected, 0 to 255 given (defect D7)."""
    settings = DannceTrainSettings(**change)
    rng = np.random.default_rng(1)
    grey = torch.full((6, 2, 2, 2), 127.5)
    volume = torch.from_numpy(rng.integers(0, 256, (6, 8, 8, 8))).float()
    moved, spans = [], []
    for _ in range(30):
        drawn = ColourChange.draw(2, settings, rng)
        changed = drawn.apply(volume)
        assert changed.shape == volume.shape
        assert changed.min() >= 0
        assert changed.max() <= 255
        spans.append(float(changed.max() - changed.min()))
        moved.append(float((drawn.apply(grey) - grey).abs().max()))
    # what is seen is still there: some of it light, some dark
    assert np.median(spans) > 100
    if "augment_brightness" in change:
        assert 0.2 * 255 < max(moved) <= 0.5 * 255
    else:  # the middle grey is left where it is
        assert max(moved) < 1e-3


def test_contrast_and_hue_change_what_they_say() -> None:
    red = torch.zeros(3, 1, 1, 1)
    red[0] = 200.0
    third = ColourChange(np.ones(1), np.zeros(1), np.array([2 * np.pi / 3]))
    turned = third.apply(red).flatten().tolist()
    assert sorted(turned) == pytest.approx([0, 0, 200], abs=1e-3)
    assert turned[0] == pytest.approx(0, abs=1e-3)  # it is another colour now, as strong
    flat = ColourChange(np.array([0.5]), np.array([10.0]), np.zeros(1))
    assert flat.apply(red).flatten().tolist() == pytest.approx([127.5 + 36.25 + 10, 73.75, 73.75])
