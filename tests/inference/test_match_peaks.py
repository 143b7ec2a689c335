"""Which peaks belong together: rigs with known answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files import open_recording
from napari_sdannce.geometry import triangulate
from napari_sdannce.inference.match_peaks import match_peaks
from napari_sdannce.models.com_images import to_frame_pixels
from napari_sdannce.models.image_peaks import local_peaks
from napari_sdannce.predictions import ComTrace
from napari_sdannce.predictions.identities import in_order, link_identities
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings import ComImageSettings
from napari_sdannce.synthetic import camera_ring

if TYPE_CHECKING:
    from pathlib import Path

MAX_ERROR = 40.0


@dataclass(frozen=True)
class Seen:
    """Animals (A, 3) mm, peaks (V, P, 2), heights (V, P), and whose each peak is: sets (V, P)."""

    animals: np.ndarray
    peaks: np.ndarray
    heights: np.ndarray
    owners: list[list[set[int]]]

    def right(self, matches: np.ndarray) -> tuple[int, int]:
        """How many peaks were given to the animal they show, of those that could be."""
        seen_by = np.zeros(len(self.animals))
        for owner in (owner for view in self.owners for whose in view for owner in whose):
            seen_by[owner] += 1
        is_of = [self._mostly(column) for column in matches.T]
        right = total = 0
        for view, owners in enumerate(self.owners):
            for peak, whose in enumerate(owners):
                if any(seen_by[owner] >= 2 for owner in whose):
                    total += 1
                    right += any(is_of[a] in whose for a in np.flatnonzero(matches[view] == peak))
        return right, total

    def _mostly(self, column: np.ndarray) -> int:
        votes = np.zeros(len(self.animals))
        for view, peak in enumerate(column):
            for owner in self.owners[view][peak] if peak >= 0 else ():
                votes[owner] += 1
        return int(votes.argmax()) if votes.max() >= 2 else -1


def seen(rng: np.random.Generator, n_views: int, n_animals: int, **unlike: float) -> Seen:
    """Animals in front of a ring of cameras: noise, lost peaks, false ones, and merged ones."""
    how = {"noise": 2.0, "lost": 0.1, "false": 0.3, "merged": 25.0} | unlike
    cameras = camera_ring(n_views, radius_mm=700, height_mm=500, seed=2)
    animals = apart(rng, n_animals)
    peaks = np.full((n_views, 2 * n_animals, 2), np.nan)
    owners: list[list[set[int]]] = []
    for view, camera in enumerate(cameras):
        found: list[tuple[np.ndarray, set[int]]] = []
        for animal, pixel in enumerate(camera.project(animals)):
            if rng.random() < how["lost"]:
                continue
            near = [i for i, (p, _) in enumerate(found) if np.hypot(*(p - pixel)) < how["merged"]]
            if near:
                place, whose = found[near[0]]
                found[near[0]] = ((place + pixel) / 2, whose | {animal})
            else:
                found.append((pixel, {animal}))
        found = [(place + rng.normal(0, how["noise"], 2), whose) for place, whose in found]
        if rng.random() < how["false"]:
            found.append((rng.uniform(0, camera.image_size), set()))
        found = [found[i] for i in rng.permutation(len(found))]
        peaks[view, : len(found)] = np.array([place for place, _ in found]).reshape(-1, 2)
        owners.append([whose for _, whose in found])
    heights = np.where(np.isfinite(peaks[..., 0]), rng.uniform(0.3, 1, peaks.shape[:2]), np.nan)
    return Seen(animals, peaks, heights, owners)


def apart(rng: np.random.Generator, count: int) -> np.ndarray:
    """Places (count, 3) on a floor, 60 mm apart at least."""
    while True:
        places = rng.uniform(-1, 1, (count, 3)) * (250, 250, 60) + (0, 0, 60)
        between = np.linalg.norm(places[:, None] - places, axis=-1) + 1e9 * np.eye(count)
        if between.min() > 60:
            return places


def rig(n_views: int):
    return camera_ring(n_views, radius_mm=700, height_mm=500, seed=2)


@pytest.mark.parametrize("n_animals", [2, 3, 4])
@pytest.mark.parametrize(("n_views", "bound"), [(3, 0.96), (4, 0.98), (6, 0.99), (8, 0.99)])
def test_peaks_go_to_the_right_animals(n_animals: int, n_views: int, bound: float) -> None:
    rng = np.random.default_rng([n_views, n_animals])
    cameras, right, total = rig(n_views), 0, 0
    for _ in range(12):
        scene = seen(rng, n_views, n_animals)
        matches = match_peaks(cameras, scene.peaks, scene.heights, n_animals, MAX_ERROR)
        assert matches.shape == (n_views, n_animals)
        for view in matches:
            assert len(set(view[view >= 0])) == (view >= 0).sum()
        counts = (matches >= 0).sum(axis=0)
        assert (counts != 1).all()
        good, all_of_them = scene.right(matches)
        right, total = right + good, total + all_of_them
    assert right / total > bound


@pytest.mark.parametrize("n_animals", [1, 2, 4])
def test_without_trouble_everything_is_found(n_animals: int) -> None:
    rng, cameras = np.random.default_rng(4), rig(5)
    for _ in range(10):
        scene = seen(rng, 5, n_animals, noise=0.5, lost=0, false=0, merged=0)
        matches = match_peaks(cameras, scene.peaks, scene.heights, n_animals, MAX_ERROR)
        pixels = scene.peaks[np.arange(5)[:, None], matches]
        found = triangulate(cameras, pixels).points
        between = np.linalg.norm(found[:, None] - scene.animals, axis=-1)
        assert sorted(between.argmin(axis=1)) == list(range(n_animals))
        assert between.min(axis=1).max() < 3


def test_a_merged_peak_does_not_make_one_steal() -> None:
    """Two animals overlap in one view, where a third stands near."""
    cameras = rig(4)
    forward = cameras[0].rays(cameras[0].project([0.0, 0, 30]))
    flat = forward * (1, 1, 0) / np.linalg.norm(forward[:2])
    sideways = np.array([-flat[1], flat[0], 0])
    animals = np.array([[0, 0, 30.0], [0, 0, 30] + 90 * forward, [0, 0, 30] + 30 * sideways])
    peaks = np.stack([camera.project(animals) for camera in cameras])
    assert np.hypot(*(peaks[0, 0] - peaks[0, 1])) < 5
    assert np.hypot(*(peaks[0, 0] - peaks[0, 2])) < MAX_ERROR
    peaks[0, 0] = peaks[0, :2].mean(axis=0)
    peaks[0, 1] = np.nan
    matches = match_peaks(cameras, peaks, np.where(np.isnan(peaks[..., 0]), np.nan, 0.8), 3, 40.0)
    by_animal = {int(column[1]): column for column in matches.T}
    assert (by_animal[2] == 2).all()
    assert by_animal[0].tolist()[1:] == [0, 0, 0]
    assert by_animal[1].tolist()[1:] == [1, 1, 1]
    assert sorted(matches[0]) == [-1, 0, 2]


def test_animals_that_too_few_see_are_not_found() -> None:
    cameras = rig(4)
    animals = np.array([[-100.0, 0, 30], [120, 60, 30]])
    peaks = np.stack([camera.project(animals) for camera in cameras])
    peaks[1:, 1] = np.nan
    heights = np.where(np.isnan(peaks[..., 0]), np.nan, 0.8)
    matches = match_peaks(cameras, peaks, heights, 2, MAX_ERROR)
    assert matches.tolist() == [[0, -1]] * 4
    nothing = np.full_like(peaks, np.nan)
    assert (match_peaks(cameras, nothing, heights, 2, None) == -1).all()


def test_higher_peaks_are_believed_first() -> None:
    cameras = rig(3)
    place = np.array([20.0, -50, 40])
    peaks = np.stack([camera.project(place) for camera in cameras])[:, None].repeat(2, axis=1)
    peaks[2, 1] += 12
    heights = np.array([[0.9, np.nan], [0.9, np.nan], [0.9, 0.3]])
    peaks[:2, 1] = np.nan
    assert match_peaks(cameras, peaks, heights, 1, MAX_ERROR).ravel().tolist() == [0, 0, 0]


@pytest.mark.golden
def test_the_shared_heatmap_of_the_reference(golden: Path, shared_data: Path) -> None:
    """Its positions, as far as whole pixels without lens correction (its repair) allow."""
    stored = np.load(golden / "com_singlechannel_multi_rat6.npz")
    file = shared_data / "label3d/test_social_dannce_dannce.mat"
    cameras = open_recording(file, pixel_origin=PixelOrigin.REFERENCE).cameras
    image = ComImageSettings(downsample=8, method="nearest")
    truth = np.load(golden / "com_multichannel_rat6.npz")
    animals = np.stack([truth["true_A"], truth["true_B"]], axis=1)
    found = []
    for heatmaps in stored["heatmaps"]:
        peaks, heights = local_peaks(heatmaps, 4, radius=4)
        peaks = to_frame_pixels(peaks, image)
        matches = match_peaks(cameras, peaks, heights, 2, MAX_ERROR)
        pixels = np.take_along_axis(peaks, matches[..., None], axis=1)
        found.append(triangulate(cameras, np.where(matches[..., None] >= 0, pixels, np.nan)).points)
    trace = ComTrace(np.stack(found), np.ones((3, 2)), np.arange(3))
    linked = in_order(trace, link_identities(trace).order).positions
    theirs = stored["com3d_linked"].swapaxes(1, 2)
    if np.linalg.norm(linked[0] - theirs[0]) > np.linalg.norm(linked[0] - theirs[0, ::-1]):
        linked = linked[:, ::-1]  # which of them is the first means nothing
    np.testing.assert_allclose(linked, theirs, atol=3)
    np.testing.assert_allclose(linked, animals, atol=0.2)
