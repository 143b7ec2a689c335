from __future__ import annotations

import pytest
import torch

from napari_sdannce.training.losses import l1_loss, masked_mse, point_errors

NAN = float("nan")


def test_l1_counts_labelled_coordinates_only() -> None:
    truth = torch.tensor([[[1.0, 2, 3], [NAN, NAN, NAN]], [[0, 0, NAN], [4, 4, 4]]])
    predicted = torch.full((2, 2, 3), 1.0, requires_grad=True)
    loss = l1_loss(predicted, truth)
    # |0| + 1 + 2, then 1 + 1, then 3 * 3, over 8 coordinates
    assert loss.item() == pytest.approx(14 / 8)
    loss.backward()
    assert predicted.grad is not None
    assert (predicted.grad[0, 1] == 0).all()
    assert predicted.grad[1, 0, 2] == 0
    assert torch.isfinite(predicted.grad).all()


def test_l1_of_nothing_is_zero_and_has_a_gradient() -> None:
    predicted = torch.ones(1, 2, 3, requires_grad=True)
    loss = l1_loss(predicted, torch.full((1, 2, 3), NAN))
    assert loss.item() == 0
    loss.backward()
    assert (predicted.grad == 0).all()


def test_heatmap_loss_leaves_out_unlabelled_animals_and_padding() -> None:
    target = torch.zeros(2, 2, 2, 2)
    target[0, 1] = NAN
    valid = torch.ones(2, 1, 2, 2, dtype=torch.bool)
    valid[1, 0, :, 1] = False
    predicted = torch.ones(2, 2, 2, 2, requires_grad=True)
    predicted.data[0, 1] = 100
    predicted.data[1, :, :, 1] = 100
    loss = masked_mse(predicted, target, valid)
    assert loss.item() == 1
    loss.backward()
    assert torch.isfinite(predicted.grad).all()
    assert (predicted.grad[0, 1] == 0).all()


def test_errors_of_labelled_points() -> None:
    truth = torch.tensor([[[0.0, 0, 0], [NAN, 0, 0]]])
    assert point_errors(torch.tensor([[[3.0, 4, 0], [9, 9, 9]]]), truth).tolist() == [5]
