"""A camera that moved since it was calibrated is told from slips."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.camera_checks import views_off

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.session import LabelingSession

    from .conftest import Scene


def clicked(
    scene: Scene, true_cameras: list[Camera], n_frames: int, sigma: float = 1.0
) -> LabelingSession:
    """Labels of somebody who sees what cameras that are not quite the calibrated ones see."""
    session = scene.session()
    session.open()
    rng = np.random.default_rng(5)
    for moment in range(n_frames):
        labels = session.at(moment)
        points = scene.points + rng.normal(0, 20, (1, 1, 3))
        for view, camera in enumerate(true_cameras):
            for animal, keypoint in np.ndindex(2, 5):
                pixel = camera.project(points[animal, keypoint]) + rng.normal(0, sigma, 2)
                labels = commands.place(labels, view, animal, keypoint, pixel, session.by)
        session.change("all", {moment: labels})
    return session


def turned(camera: Camera, degrees: float) -> Camera:
    turn, _ = cv2.Rodrigues(np.radians(degrees) * np.array([0.6, 0.8, 0.0]))
    return replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation)


@pytest.mark.parametrize("view", [0, 3])
def test_a_camera_that_moved_is_told(scene: Scene, view: int) -> None:
    cameras = list(scene.cameras)
    cameras[view] = turned(cameras[view], 0.8)
    shift = np.linalg.norm(
        cameras[view].project(scene.points) - scene.cameras[view].project(scene.points), axis=-1
    ).mean()
    (found,) = views_off(clicked(scene, cameras, 4))
    assert found.view == view
    assert found.median_px == pytest.approx(shift, rel=0.4)
    assert found.usual_px < found.median_px / 2


def test_nothing_is_said_of_good_cameras_sloppy_people_and_too_few_clicks(scene: Scene) -> None:
    cameras = list(scene.cameras)
    assert not views_off(scene.session())
    assert not views_off(clicked(scene, cameras, 4))
    assert not views_off(clicked(scene, cameras, 4, sigma=6.0))
    cameras[1] = turned(cameras[1], 0.8)
    assert not views_off(clicked(scene, cameras, 1))
