"""The whole objective of an s-DANNCE training step against the reference's numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_sdannce.models import load_checkpoint
from napari_sdannce.settings import SdannceTrainSettings, VolumeSettings
from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.training.batches import VolumeBatch
from napari_sdannce.training.losses import PoseKnowledge, Rows, make_terms
from napari_sdannce.training.pose_task import PoseTask
from napari_sdannce.training.volume_maker import VolumeMaker

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = torch.zeros((0, 2), dtype=torch.long)


@pytest.mark.golden
def test_objective_and_its_gradient_match_reference(golden: Path, tmp_path: Path) -> None:
    stored = dict(np.load(golden / "net_sdannce_cam6_nvox16.npz"))
    given = dict(np.load(golden / "train_objective_inputs.npz"))
    expected = json.loads((golden / "train_objective.json").read_text())
    np.save(tmp_path / "priors.npy", np.load(golden / "loss_inputs.npz")["file_priors"])
    bones = {"name": "BoneLengthLoss", "weight": 0.5, "mask": [2]}
    settings = SdannceTrainSettings(
        losses=[
            "L1Loss",
            {**bones, "priors": tmp_path / "priors.npy"},
            "ConsistencyLoss:0.1,copies_per_sample=2",
        ],
        volume=VolumeSettings(size_mm=240, voxels=16),
    )
    skeleton = load_skeleton("rat23")
    known = PoseKnowledge(skeleton, np.zeros((0, 23, 3)), refines=True)
    terms = make_terms(settings.losses, known)
    maker = VolumeMaker(settings, torch.device("cpu"), skeleton.swapped())
    task = PoseTask(settings, [], [], maker, terms, "rat23")
    centres = torch.from_numpy(stored["com"])
    batch = VolumeBatch(
        volumes=torch.from_numpy(stored["volume_u8"]).permute(0, 4, 1, 2, 3),
        points=torch.from_numpy(given["kpts_gt"]).transpose(1, 2) - centres[:, None],
        centres=centres,
        turns=torch.eye(3).repeat(2, 1, 1),
        mirrored=torch.zeros(2, dtype=torch.bool),
        rows=Rows(copies=torch.tensor([[0, 1]]), chunks=NOTHING, pairs=NOTHING),
    )
    network = load_checkpoint(golden / "ckpt_sdannce_posegcn_cam6.pth").pose
    measured = task.measure(network, batch)
    measured.loss.backward()
    assert float(measured.loss.detach()) == pytest.approx(expected["total"], rel=1e-4)
    for name, value in expected["losses"].items():
        assert float(measured.terms[name].detach()) == pytest.approx(value, rel=1e-4), name
    error = expected["metric"]["euclidean_distance_3D"]
    assert float(measured.errors.detach().mean()) == pytest.approx(error, rel=1e-4)
    gradients = dict(network.named_parameters())
    for name, norm in expected["grad_norms"].items():
        gradient = gradients[name].grad
        assert gradient is not None
        assert float(gradient.norm()) == pytest.approx(norm, rel=2e-3), name
    header = [name for name in expected["csv_header"].split(",") if name.startswith("train_")]
    assert header == [f"train_{name}" for name in (*task.loss_names, task.error_name)]
