from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sdannce.settings import ComImageSettings
from napari_sdannce.training.com_losses import focal_loss
from napari_sdannce.training.com_targets import com_targets, shared_target

EVERYWHERE = torch.ones(1, 1, 12, 16, dtype=torch.bool)


def spot(x: float, y: float) -> torch.Tensor:
    image = ComImageSettings(downsample=1)
    return torch.from_numpy(com_targets([[x, y]], (16, 12), image, sigma_px=2.0))[None]


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_focal_loss_by_hand() -> None:
    target = torch.tensor([[[[0.2, 1.0, 0.6]]]])
    logits = torch.tensor([[[[logit(0.5), logit(0.9), logit(0.3)]]]])
    valid = torch.ones(1, 1, 1, 3, dtype=torch.bool)
    expected = -(
        0.8**4 * 0.5**2 * np.log(0.5) + (1 - 0.9) ** 2 * np.log(0.9) + 0.4**4 * 0.3**2 * np.log(0.7)
    )
    assert focal_loss(logits, target, valid).item() == pytest.approx(expected, rel=1e-5)


def test_one_at_the_top_and_nothing_elsewhere_is_perfect() -> None:
    target = spot(7.0, 5.0)
    right = torch.full((1, 1, 12, 16), -20.0)
    right[0, 0, 5, 7] = 20
    assert focal_loss(right, target, EVERYWHERE).item() < 1e-6
    shifted = right.roll(4, dims=3)
    nothing = torch.full_like(right, -20.0)
    assert focal_loss(shifted, target, EVERYWHERE).item() > 10
    assert focal_loss(nothing, target, EVERYWHERE).item() > 10


def test_a_top_between_pixels_is_learned_where_it_is() -> None:
    target = spot(7.3, 4.8)
    logits = torch.full((1, 1, 12, 16), -4.6, requires_grad=True)
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(60):
        optimiser.zero_grad()
        focal_loss(logits, target, EVERYWHERE).backward()
        optimiser.step()
    assert divmod(int(logits.argmax()), 16) == (5, 7)
    assert logits.max() > 2


def test_what_is_not_labelled_or_no_picture_does_not_count() -> None:
    target = torch.cat([spot(7, 5), torch.full((1, 1, 12, 16), float("nan"))], dim=1)
    logits = torch.zeros(1, 2, 12, 16, requires_grad=True)
    inside = EVERYWHERE.clone()
    inside[..., 12:] = False
    loss = focal_loss(logits, target, inside)
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[0, 1] == 0).all()
    assert (logits.grad[0, 0, :, 12:] == 0).all()
    assert (logits.grad[0, 0, :, :12] != 0).all()


def test_a_shared_heatmap_does_not_blame_animals_without_label() -> None:
    image = ComImageSettings(downsample=1)
    points = np.array([[4.0, 6.0], [12.0, 6.0]])
    both = shared_target(com_targets(points, (16, 12), image, sigma_px=2.0))
    assert both.shape == (1, 12, 16)
    assert both[0, 6, 4] == both[0, 6, 12] == 1
    points[1] = np.nan
    one = shared_target(com_targets(points, (16, 12), image, sigma_px=2.0))
    assert one[0, 6, 4] == 1
    known = np.isfinite(one)
    assert (one[known] > 0.5).all()
    assert known.sum() == (both[0, :, :8] > 0.5).sum()
    points[0] = np.nan
    assert np.isnan(shared_target(com_targets(points, (16, 12), image, sigma_px=2.0))).all()
