from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from napari_sdannce.synthetic import Motion, Scene, random_scene, rat_motion, render_frame

if TYPE_CHECKING:
    from napari_sdannce.synthetic import Frame


@pytest.fixture(scope="session")
def motion() -> Motion:
    """Two rats for twelve seconds."""
    return rat_motion(600, 2, seed=4)


@pytest.fixture(scope="session")
def scene() -> Scene:
    """A small scene of two rats and three cameras."""
    return random_scene(20, 2, 3, image_size=(320, 256), seed=2)


@pytest.fixture(scope="session")
def frame(scene: Scene) -> Frame:
    return render_frame(replace(scene, noise=0.0), 7)
