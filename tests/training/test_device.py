"""Networks run where there is no float64, as on Apple's GPUs; here a mode tells what would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree
from torch.utils.weak import WeakIdKeyDictionary

from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.predictions import ComTrace
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)
from napari_sdannce.training import train_com, train_dannce

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOLUME = {"voxels": 8, "size_mm": 120}


class WithoutFloat64(TorchFunctionMode):
    """Takes the CPU for a device that knows no float64, and refuses it there.

    Parameters are there, and what is moved there or made from something there; `Tensor.cpu`
    brings back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._there = WeakIdKeyDictionary()

    def _is_there(self, value: Any) -> bool:
        return isinstance(value, Tensor) and (
            isinstance(value, nn.Parameter) or value in self._there
        )

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if getattr(func, "__name__", "") == "cpu":
            return result.clone()
        given = _pytree.tree_leaves((args, kwargs))
        if any(isinstance(each, torch.device) or self._is_there(each) for each in given):
            for made in _pytree.tree_leaves(result):
                if isinstance(made, Tensor):
                    assert made.dtype != torch.float64, f"float64 on the device, by {func}"
                    self._there[made] = True
        return result


def test_the_mode_tells_where_float64_is() -> None:
    device, network = torch.device("cpu"), nn.Linear(2, 1)
    with WithoutFloat64():
        there = network(torch.ones(3, 2).to(device))
        assert there.detach().cpu().double().dtype == torch.float64
        for fails in (
            there.double,
            lambda: there.detach() * torch.ones(1, dtype=torch.float64),
            lambda: torch.from_numpy(np.ones(3)).to(device),
            lambda: torch.tensor(np.ones(3), device=device),
        ):
            with pytest.raises(AssertionError, match="float64 on the device"):
                fails()


@pytest.mark.parametrize(
    ("train", "kind", "more"),
    [
        (train_com, ComTrainSettings, {"image": {"downsample": 4}, "average": 0.9}),
        (
            train_dannce,
            DannceTrainSettings,
            {
                "volume": VOLUME,
                "average": 0.9,
                "clip_gradient": 1.0,
                "augment_hue": 0.1,
                "augment_brightness": 0.1,
                "camera_dropout": 0.3,
                "losses": ["L1Loss", "GaussianRegLoss", "BoneLengthLoss"],
            },
        ),
        (
            train_dannce,
            DannceTrainSettings,
            {"volume": VOLUME, "head": "maximum", "losses": ["BCELoss"]},
        ),
        (train_dannce, SdannceTrainSettings, {"volume": VOLUME, "unlabelled": "none"}),
    ],
)
def test_training_and_prediction_need_no_float64(
    disc_scene, tmp_path: Path, train: Callable[..., Any], kind: Any, more: dict[str, Any]
) -> None:
    settings = kind(
        experiments=[{"folder": disc_scene.folder}], output=tmp_path / "run", width=2, steps=2,
        validation_frames=2, batch_size=4, device="cpu", **more,
    )  # fmt: skip
    with WithoutFloat64():
        for _ in train(settings):
            pass
        weights = {"checkpoint": tmp_path / "run/checkpoints/last.safetensors", "count": 4}
        common = {**weights, "output": tmp_path / "out", "device": "cpu"}
        if train is train_com:
            events = predict_com(disc_scene.recording, ComPredictSettings(**common))
        else:
            com = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
            events = predict_dannce(disc_scene.recording, DanncePredictSettings(**common), com)
        assert list(events)
