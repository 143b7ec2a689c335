"""What a checkpoint tells others about the computer it was made on: nothing."""

from __future__ import annotations

from napari_sdannce.settings import DannceTrainSettings, ExperimentSettings
from napari_sdannce.settings.events import JobDone
from napari_sdannce.settings.volume import VolumeSettings
from napari_sdannce.training import train_dannce


def test_a_checkpoint_names_no_folder(disc_scene, tmp_path):
    settings = DannceTrainSettings(
        experiments=(ExperimentSettings(folder=disc_scene.folder, labels=disc_scene.pose_labels),),
        output=tmp_path / "run",
        volume=VolumeSettings(size_mm=120, voxels=8),
        width=2,
        steps=1,
        device="cpu",
    )
    assert isinstance(list(train_dannce(settings))[-1], JobDone)
    files = [path for path in (tmp_path / "run" / "checkpoints").iterdir() if path.is_file()]
    assert len(files) >= 2
    for path in files:
        content = path.read_bytes()
        for folder in (disc_scene.folder, tmp_path):
            assert str(folder).encode() not in content
            assert folder.name.encode() not in content
