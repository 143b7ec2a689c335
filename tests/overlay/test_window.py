from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.geometry import Camera
from napari_sdannce.overlay.follow import steady
from napari_sdannce.overlay.window import AS_IT_IS, Panes, Window, round_point, whole


def spot(size: tuple[int, int], at: tuple[float, float], sigma: float = 4.0) -> np.ndarray:
    """An image (H, W, 3) with a round spot at px (x, y)."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    value = 200 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))
    return np.repeat(np.rint(value).astype(np.uint8)[..., None], 3, axis=2)


def middle_of(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(float)
    y, x = np.indices(weight.shape)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("scale", [0.25, 0.5, 0.8, 1.0, 1.7, 3.0])
def test_points_and_pixels_go_to_the_same_place(scale):
    at = np.array([61.3, 40.6])
    window = Window(scale, (90.0 - scale * 61, 70.0 - scale * 40))
    pane = np.zeros((140, 180, 3), dtype=np.uint8)
    window.fill(pane, spot((120, 100), tuple(at)))
    assert np.abs(middle_of(pane) - window.place(at)).max() < 0.1


def test_beside_the_image_is_black():
    pane = np.zeros((50, 60, 3), dtype=np.uint8)
    Window(1.0, (20.0, 10.0)).fill(pane, np.full((30, 30, 3), 200, dtype=np.uint8))
    assert (pane[10:40, 20:50] == 200).all()
    assert pane.sum() == 30 * 30 * 3 * 200


def test_whole_images_lie_in_the_middle_and_are_not_enlarged():
    assert whole((100, 50), (100, 50)) == AS_IT_IS
    assert whole((100, 50), (120, 60)) == Window(1.0, (10.0, 5.0))
    assert whole((200, 100), (100, 80)) == Window(0.5, (0.0, 15.0))


def test_a_zoomed_window_shows_that_many_millimetres():
    matrix = np.array([[400.0, 0, 150], [0, 400, 120], [0, 0, 1]])
    camera = Camera("above", matrix, np.eye(3), np.array([0.0, 0, 800]))
    point = np.array([30.0, -20, 0])
    window = round_point(camera, point, 100, (200, 160))
    assert window is not None
    assert np.allclose(window.place(camera.project(point)), (99.5, 79.5))
    edges = window.place(camera.project(point + np.array([[0, -50, 0], [0, 50, 0]])))
    assert np.allclose(edges[1] - edges[0], (0, 160))
    assert round_point(camera, np.array([0.0, 0, -900]), 100, (200, 160)) is None
    assert round_point(camera, np.full(3, np.nan), 100, (200, 160)) is None


def test_a_zoomed_window_of_a_fisheye_shows_as_many():
    """Also 80 degrees off the axis, where depth is next to nothing."""
    matrix = np.array([[400.0, 0, 150], [0, 400, 120], [0, 0, 1]])
    camera = Camera("wide", matrix, np.eye(3), np.zeros(3), np.zeros(4), fisheye=True)
    angle = np.radians(80)
    point = 700 * np.array([np.sin(angle), 0, np.cos(angle)])
    window = round_point(camera, point, 100, (200, 160))
    assert window is not None
    away = np.array([np.cos(angle), 0, -np.sin(angle)])
    edges = window.place(camera.project(point + 50 * np.array([away, -away])))
    assert np.abs(edges[0] - edges[1]).max() == pytest.approx(160, abs=1)


def test_panes_fit_the_width_and_have_even_sides():
    panes = Panes.for_images([(641, 513), (320, 240), *[(641, 513)] * 3], 3, 1000)
    assert panes.whole == (3 * 332, 2 * 266)
    picture = panes.empty()
    assert picture.shape == (532, 996, 3)
    for i, pane in enumerate(panes.of(picture)):
        assert pane.shape == (266, 332, 3)
        pane[...] = i + 1
    assert picture[265, 995, 0] == 3
    assert picture[266, 0, 0] == 4
    assert picture[531, 995, 0] == 0
    assert [Panes.for_images([(64, 48)] * n, 3, 1000).columns for n in (2, 3, 4, 5, 7)] == [
        2, 3, 2, 3, 3,
    ]  # fmt: skip
    assert Panes.for_images([(64, 48)], 3, 1000).whole == (64, 48)


def test_a_steady_track_fills_gaps_and_keeps_straight_lines():
    line = np.linspace([0.0, 10, 20], [60, 40, 20], 61)
    broken = line.copy()
    broken[20:30] = np.nan
    found = steady(broken, 4.0)
    assert np.abs(found - line)[16:45].max() < 1e-6
    shaken = line + np.random.default_rng(0).normal(0, 3, line.shape)
    assert np.abs(np.diff(steady(shaken, 4.0), 2, axis=0)).max() < 1
    with pytest.raises(ValueError, match="no animal to follow"):
        steady(np.full((5, 3), np.nan), 4.0)
