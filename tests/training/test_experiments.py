from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_sdannce.files import open_labels
from napari_sdannce.models.volume_samplers import SAMPLERS, by_torch
from napari_sdannce.predictions import ComTrace
from napari_sdannce.settings import DannceTrainSettings, ExperimentSettings
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.training import Experiment, open_experiment
from napari_sdannce.training.dannce_examples import cut_to_reach, read_examples
from napari_sdannce.training.experiments import merge_animals
from napari_sdannce.training.volume_maker import VolumeMaker
from napari_sdannce.volumes import fill_volume


def test_one_folder_serves_both_networks(disc_scene) -> None:
    poses = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    np.testing.assert_allclose(poses.labels.points_3d, disc_scene.keypoints, atol=1e-6)
    np.testing.assert_allclose(poses.coms, disc_scene.com, atol=1e-6)
    coms = open_experiment(ExperimentSettings(folder=disc_scene.folder), "com")
    assert coms.labels.animals == ("white", "black")
    np.testing.assert_allclose(coms.coms, disc_scene.com, atol=1e-6)


def test_chosen_labels_cameras_and_trace(disc_scene, tmp_path) -> None:
    names = disc_scene.recording.names
    settings = ExperimentSettings(
        folder=disc_scene.folder,
        labels=disc_scene.pose_labels[1:],
        cameras=(names[2], names[0]),
    )
    opened = open_experiment(settings, "dannce")
    assert opened.recording.names == opened.labels.views == (names[2], names[0])
    np.testing.assert_allclose(opened.labels.points_3d[:, 0], disc_scene.keypoints[:, 1], atol=1e-6)
    ids = opened.labels.sample_ids
    trace = ComTrace(np.full((5, 1, 3), 7.0), np.ones((5, 1)), ids[:5])
    again = Experiment.of(opened.recording, opened.labels, trace)
    assert (again.coms[:5] == 7).all()
    assert np.isnan(again.coms[5:]).all()
    both = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    with pytest.raises(ValueError, match="trace is of 1 animals, the labels of 2"):
        Experiment.of(both.recording, both.labels, trace)


def test_unclear_labels_are_an_error(disc_scene, tmp_path) -> None:
    for name in ("a_dannce.mat", "b_dannce.mat"):
        (tmp_path / name).write_bytes(disc_scene.pose_labels[0].read_bytes())
    with pytest.raises(ValueError, match="several label files could name the animals"):
        open_experiment(ExperimentSettings(folder=tmp_path), "com")
    only_com = tmp_path / "only"
    only_com.mkdir()
    (only_com / "com_dannce.mat").write_bytes(disc_scene.com_labels.read_bytes())
    with pytest.raises(ValueError, match=r"no label file holds poses, only COMs: com_dannce\.mat"):
        open_experiment(ExperimentSettings(folder=only_com), "dannce")


def test_animals_of_other_moments_are_merged(disc_scene) -> None:
    first, second = (open_labels(path) for path in disc_scene.pose_labels)
    merged = merge_animals([first.select_frames([0, 2, 4]), second.select_frames([1, 2])])
    assert merged.sample_ids.tolist() == [0, 1, 2, 4]
    there = np.isfinite(merged.points_3d).all(axis=(-1, -2))
    assert there.tolist() == [[True, False], [False, True], [True, True], [True, False]]
    np.testing.assert_array_equal(merged.points_2d[:, 2, 1], second.points_2d[:, 2, 0])
    other = replace(second, skeleton=Skeleton("x", tuple("wxyz")))
    with pytest.raises(ValueError, match="skeleton 'x' can not be joined"):
        merge_animals([first, other])
    with pytest.raises(ValueError, match=r"'x' \(b\.mat\) can not .* 'discs' \(a\.mat\)"):
        merge_animals([first, other], ["a.mat", "b.mat"])
    shifted = replace(second, frames=second.frames + 1)
    with pytest.raises(ValueError, match="same sample id at different frames"):
        merge_animals([first, shifted])


LINEAR = {"voxels": 16, "size_mm": 120, "interpolation": "linear"}
SETTINGS = DannceTrainSettings(volume={"voxels": 16, "size_mm": 120}, com_jitter_mm=10, views="all")


def test_cut_images_fill_the_same_volumes(disc_scene) -> None:
    rng = np.random.default_rng(0)
    for camera in disc_scene.recording.cameras:
        image = rng.integers(0, 256, (128, 160, 3), dtype=np.uint8)
        for com in rng.uniform(-300, 300, (12, 3)):
            part, cut = cut_to_reach(image, camera, com, reach=70)
            moved = com + rng.uniform(-10, 10, 3)
            whole = fill_volume([image], [camera], moved, size=120, voxels=16)
            assert part.size <= image.size
            differing = fill_volume([part], [cut], moved, size=120, voxels=16) != whole
            # single precision rounds ties another way in the shifted picture
            assert differing.mean() < 2e-3


def test_plain_example_is_what_prediction_sees(disc_scene) -> None:
    from napari_sdannce.video import RecordingVideo

    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    examples = list(read_examples(experiment, SETTINGS))
    assert len(examples) == 2 * len(experiment.labels)
    assert [example.frame for example in examples[:4]] == [0, 0, 1, 1]
    with RecordingVideo(experiment.recording) as video:
        images = video.read(3)
    expected = fill_volume(
        images, experiment.recording.cameras, experiment.coms[3, 1], size=120, voxels=16
    )
    found = VolumeMaker(SETTINGS, torch.device("cpu"), (0, 2, 1, 3)).plain(examples[7])
    assert (found.volume.movedim(0, -1).numpy() != expected).mean() < 1e-3
    np.testing.assert_allclose(found.points + experiment.coms[3, 1], disc_scene.keypoints[3, 1])


def test_random_example_shows_the_points_where_they_are(disc_scene) -> None:
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    settings = SETTINGS.model_copy(update={"views": "with_replacement", "com_jitter_mm": 15.0})
    example = next(read_examples(experiment, settings))
    assert example is not None
    maker = VolumeMaker(settings, torch.device("cpu"), (0, 2, 1, 3))
    red = []
    for seed in range(8):
        found = maker.random(example, np.random.default_rng(seed))
        again = maker.random(example, np.random.default_rng(seed))
        assert torch.equal(found.volume, again.volume)
        assert found.volume.shape == (12, 16, 16, 16)
        assert np.abs(found.points.mean(axis=0)).max() <= 15 + 1e-9
        x, y, z = np.floor(found.points[0] / 7.5 + 8).astype(int)  # the nose, which is red
        colours = found.volume[:, y, x, z].reshape(4, 3).int().numpy()
        red.append(colours[:, 0] - colours[:, 1:].max(axis=1))
    assert np.median(red) > 100
    # the voxels elsewhere are grey
    assert abs(int(found.volume.median()) - 90) < 5


@pytest.mark.parametrize("change", [{}, {"mono": True}, {"volume": LINEAR}])
def test_torch_fills_the_same_volumes(disc_scene, monkeypatch, change: dict[str, object]) -> None:
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    settings = DannceTrainSettings.model_validate({**SETTINGS.model_dump(), **change})
    settings = settings.model_copy(update={"views": "with_replacement"})
    example = next(read_examples(experiment, settings))
    assert example is not None
    maker = VolumeMaker(settings, torch.device("cpu"), (0, 2, 1, 3))

    def volumes() -> list[torch.Tensor]:
        drawn = [maker.random(example, np.random.default_rng(seed)).volume for seed in range(4)]
        return [maker.plain(example).volume, *drawn]

    by_numba = volumes()
    monkeypatch.setitem(SAMPLERS, "cpu", by_torch)
    for ours, theirs in zip(by_numba, volumes(), strict=True):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)
    assert len(torch.unique(by_numba[0])) > 20


def test_unlabelled_and_unlocated_animals_give_no_examples(disc_scene) -> None:
    experiment = open_experiment(ExperimentSettings(folder=disc_scene.folder), "dannce")
    points, coms = experiment.labels.points_3d.copy(), experiment.coms.copy()
    points[0, 0] = np.nan
    points[1, 1, :3] = np.nan
    coms[2] = np.nan
    labels = replace(experiment.labels, points_3d=points)
    changed = Experiment(experiment.recording, labels, coms)
    examples = list(read_examples(changed, SETTINGS, first_frame=100))
    assert [example.frame for example in examples][:5] == [100, 101, 101, 103, 103]
