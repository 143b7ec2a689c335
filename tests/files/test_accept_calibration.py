"""Taking a calibration over into a recording: nothing that was there is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files import open_recording
from napari_sdannce.files.accept_calibration import accept_calibration, plan_acceptance
from napari_sdannce.files.anipose import read_anipose, write_anipose

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.geometry import Camera

TODAY = date(2026, 11, 25)


def moved(cameras: tuple[Camera, ...]) -> list[Camera]:
    """The same cameras, 5 mm aside."""
    return [replace(each, translation=each.translation + np.array([5.0, 0, 0])) for each in cameras]


@pytest.fixture
def experiment(disc_scene, tmp_path: Path) -> Path:
    """Its label files hold its calibration."""
    folder = tmp_path / "discs"
    folder.mkdir()
    for path in disc_scene.folder.glob("*"):
        (folder / path.name).symlink_to(path)
    return folder


def test_an_older_file_is_kept_and_what_counts_is_the_new_one(experiment: Path) -> None:
    before = open_recording(experiment)
    cameras = [view.camera for view in before.views if view.camera is not None]
    new = moved(tuple(cameras))
    (experiment / "calibration.toml").unlink(missing_ok=True)
    write_anipose(experiment / "calibration.toml", cameras)
    plan = plan_acceptance(new, before, TODAY)
    told = "\n".join(plan.notes)
    assert "position by 5 mm" in told
    assert "kept as calibration-before-2026-11-25.toml" in told
    assert "pose1_dannce.mat holds an older calibration" in told
    assert "sdannce.yaml will say that calibration.toml counts" in told
    written = accept_calibration(plan, TODAY)
    assert experiment / "sdannce.yaml" in written
    kept = read_anipose(experiment / "calibration-before-2026-11-25.toml")
    np.testing.assert_allclose(kept[0].translation, cameras[0].translation)
    after = open_recording(experiment)
    assert after.calibration_file == experiment / "calibration.toml"
    assert after.names == before.names
    for view, camera in zip(after.views, new, strict=True):
        assert view.camera is not None
        np.testing.assert_allclose(view.camera.translation, camera.translation)
    # once more: nothing that was kept is replaced
    again = plan_acceptance(cameras, after, TODAY)
    assert again.kept == experiment / "calibration-before-2026-11-25-2.toml"
    accept_calibration(again, TODAY)
    assert read_anipose(again.kept)[0].translation[0] == pytest.approx(new[0].translation[0])


def test_other_cameras_are_not_taken(experiment: Path) -> None:
    recording = open_recording(experiment)
    cameras = [view.camera for view in recording.views if view.camera is not None]
    named = [replace(camera, name=f"cam{i}") for i, camera in enumerate(cameras)]
    plan = plan_acceptance(named, recording, TODAY)
    assert "calibrated are cam0, cam1, cam2, cam3" in plan.troubles[0]
    with pytest.raises(ValueError, match="same names"):
        accept_calibration(plan, TODAY)
    larger = [replace(camera, image_size=(320, 256)) for camera in cameras]
    plan = plan_acceptance(larger, recording, TODAY, [(160, 128)] * 4)
    assert "160 × 128 px in discs, but 320 × 256 px" in plan.troubles[0]
    same = plan_acceptance(cameras, recording, TODAY, [(160, 128)] * 4)
    assert same.notes[0] == "discs has this calibration already."
