"""Prediction keeps nothing that only training needs."""

from __future__ import annotations

import pytest
import torch

from napari_sdannce.demo_data import sample_folder, sample_weights
from napari_sdannce.files import open_recording
from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.settings import ComPredictSettings, DanncePredictSettings


@pytest.fixture
def gradients_wanted():
    """Whether gradients were kept, for every module that ran."""
    kept: list[bool] = []
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: kept.append(torch.is_grad_enabled())
    )
    yield kept
    hook.remove()


def test_no_gradients_are_kept(tmp_path, gradients_wanted):
    recording, weights = open_recording(sample_folder()), sample_weights()
    list(
        predict_com(
            recording,
            ComPredictSettings(checkpoint=weights.com, output=tmp_path, count=1, device="cpu"),
        )
    )
    of_com = len(gradients_wanted)
    list(
        predict_dannce(
            recording,
            DanncePredictSettings(
                checkpoint=weights.pose, output=tmp_path, com=tmp_path / "com.zarr", count=1,
                device="cpu",
            ),
        )
    )  # fmt: skip
    assert 0 < of_com < len(gradients_wanted)
    assert not any(gradients_wanted)
