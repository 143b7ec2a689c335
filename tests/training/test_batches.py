"""What a batch holds, where the reference's hold something else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings, ExperimentSettings
from napari_sdannce.settings.com import ComImageSettings
from napari_sdannce.settings.losses import ConsistencyLoss, L1Loss
from napari_sdannce.settings.volume import VolumeSettings
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.training import com_examples, dannce_examples, open_experiment
from napari_sdannce.training.batches import BatchPlan, make_batch
from napari_sdannce.training.com import ComTask
from napari_sdannce.training.dannce import mirrored
from napari_sdannce.training.measuring import Means, Measured
from napari_sdannce.training.volume_maker import VolumeMaker

CPU = torch.device("cpu")
AS_NAMED = (0, 1, 2, 3)


def some_examples(disc_scene, settings: DannceTrainSettings, count: int = 6):
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    found = [each for each in dannce_examples.read_examples(experiment, settings) if each]
    return found[:count]


@pytest.mark.parametrize("rotate", ["quarters", "any"])
@pytest.mark.parametrize("voxels", [8, 24])
def test_copies_of_an_example_are_of_one_pose_in_the_world(disc_scene, voxels, rotate):
    settings = DannceTrainSettings(
        volume=VolumeSettings(size_mm=160, voxels=voxels),
        losses=(L1Loss(), ConsistencyLoss(copies_per_sample=3)),
        batch_size=6,
        rotate=rotate,
    )
    examples = some_examples(disc_scene, settings)
    plan = BatchPlan(examples, settings)
    batch = make_batch(plan, plan.epoch(0)[0], 0, VolumeMaker(settings, CPU, AS_NAMED))
    assert batch.volumes.shape == (6, 12, voxels, voxels, voxels)
    world = batch.in_world(batch.points, AS_NAMED).numpy().reshape(2, 3, 4, 3)
    truth = np.array([example.points for example in examples])
    for copies in world:
        assert np.abs(copies - copies[0]).max() < 1e-3
        assert np.abs(truth - copies[0]).max(axis=(1, 2)).min() < 1e-3
    assert len(np.unique(batch.turns.numpy().round(4), axis=0)) > 1


@pytest.mark.parametrize("rotate", ["quarters", "any"])
def test_turned_volumes_show_keypoints_where_they_are_said_to_be(disc_scene, rotate):
    settings = DannceTrainSettings(
        volume=VolumeSettings(size_mm=160, voxels=40), rotate=rotate, com_jitter_mm=10, views="all"
    )
    maker, rng = VolumeMaker(settings, CPU, AS_NAMED), np.random.default_rng(0)
    right, wrong = [], []
    for example in some_examples(disc_scene, settings, 16):
        plain, turned = maker.plain(example), maker.random(example, rng)
        expected = colours_at(plain, plain.points)
        right.append(np.abs(colours_at(turned, turned.points) - expected).mean())
        wrong.append(np.abs(colours_at(turned, turned.points @ turned.turn) - expected).mean())
    assert np.median(right) < 0.5 * np.median(wrong)


def test_what_a_mirror_swaps_can_be_said():
    skeleton = Skeleton("discs", ("nose", "left", "right", "tail"))
    for pairs in (("1:2",), ("left:right",), ("right: 1",)):
        assert mirrored(skeleton, DannceTrainSettings(mirror_pairs=pairs)) == (0, 2, 1, 3)


def test_mirrored_volumes_show_left_keypoints_at_right_ones(disc_scene):
    settings = DannceTrainSettings(
        volume=VolumeSettings(size_mm=160, voxels=40),
        mirror=True,
        rotate="none",
        com_jitter_mm=0,
        views="all",
    )
    swapped = (0, 2, 1, 3)  # nose, left, right, tail
    maker, rng = VolumeMaker(settings, CPU, swapped), np.random.default_rng(0)
    examples = some_examples(disc_scene, settings, 24)
    made = [(maker.plain(each), maker.random(each, rng)) for each in examples]
    mirrored = [(plain, other) for plain, other in made if other.mirrored]
    assert 6 <= len(mirrored) <= 18
    right, wrong = [], []
    for plain, other in mirrored:
        # the animal in the mirror has its left where the other one's right is
        seen = colours_at(plain, plain.points)[:, list(swapped)]
        right.append(np.abs(colours_at(other, other.points) - seen).mean())
        wrong.append(np.abs(colours_at(other, other.points)[:, list(swapped)] - seen).mean())
        np.testing.assert_allclose(other.points[:, 0], -plain.points[list(swapped), 0])
        np.testing.assert_allclose(other.points[:, 1:], plain.points[list(swapped), 1:])
    assert max(right) < 1  # the voxels are the same, but for keypoints on their borders
    assert min(wrong) > 10 * max(right) + 1


@pytest.mark.parametrize("rotate", ["none", "quarters", "any"])
def test_mirrored_poses_are_brought_back_into_the_world(disc_scene, rotate):
    settings = DannceTrainSettings(
        volume=VolumeSettings(size_mm=160, voxels=8), mirror=True, rotate=rotate, batch_size=12
    )
    swapped = (0, 2, 1, 3)
    examples = some_examples(disc_scene, settings, 12)
    plan = BatchPlan(examples, settings)
    batch = make_batch(plan, plan.epoch(0)[0], 0, VolumeMaker(settings, CPU, swapped))
    assert 0 < (np.linalg.det(batch.turns.double().numpy()) < 0).sum() < 12
    world = batch.in_world(batch.points, swapped).numpy()
    truth = np.array([example.points for example in examples])
    for pose in world:
        assert np.abs(truth - pose).max(axis=(1, 2)).min() < 1e-3


def colours_at(made, points: np.ndarray) -> np.ndarray:
    """Grey values (channels, K) of the voxels that keypoints lie in."""
    x, y, z = np.clip((points + 80) // 4, 0, 39).astype(int).T
    return made.volume.numpy().astype(float)[:, y, x, z]


def test_every_image_of_a_com_batch_is_one_of_a_camera(disc_scene):
    settings = ComTrainSettings(image=ComImageSettings(downsample=4), batch_size=8)
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "com")
    found = [each for each in com_examples.read_examples(experiment, settings, 0) if each]
    task = ComTask(settings, found[:20], ())
    shown = 0
    for batch in task.train_batches(0, 0, list):
        for image, target in zip(batch.images.numpy(), batch.targets.numpy(), strict=True):
            assert image.std() > 5
            assert np.nanmax(target) > 0.5
            shown += 1
    assert shown == 20


def test_a_batch_without_loss_counts_in_the_mean():
    means = Means()
    for value in (4.0, 0.0, 2.0, 0.0):
        loss = torch.tensor(value)
        means.add(Measured(loss, torch.tensor([value, 0.0]), {"L1Loss": loss}))

    class Task:
        loss_names = ("L1Loss",)
        error_name = "error"

    assert means.metrics("train", Task()) == {"train_L1Loss": 1.5, "train_error": 0.75}
