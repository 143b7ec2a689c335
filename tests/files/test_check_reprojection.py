"""What labels say about the cameras of their file."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.files.calibration_file import read_calibration
from napari_sdannce.files.check_reprojection import check_reprojection, read_check
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.mat import write_mat
from napari_sdannce.recording import PixelOrigin


def notes_of(content, tmp_path, origin=PixelOrigin.MATLAB):
    path = write_mat(tmp_path / "a_dannce.mat", content, overwrite=True)
    found = read_calibration(path, pixel_origin=origin).notes
    assert found == read_check(path).notes(origin)
    return found


def clicked(small, rng, shift=0.0, sigma=1.0, frames=12):
    """A file with clicks near the projections, K from another first pixel by `shift`."""
    content, params = small.dannce(), small.params()
    points = rng.uniform(-80, 80, (small.keypoints, frames, 3))
    clicks = np.stack(
        [
            small.project(each, points.reshape(-1, 3)).reshape(small.keypoints, frames, 2)
            for each in params
        ]
    )
    clicks += rng.normal(0, sigma, clicks.shape) + shift
    content["handLabeled2D"] = np.transpose(clicks, (1, 0, 3, 2))
    return content


def test_files_that_fit_need_no_word(small, tmp_path):
    assert notes_of(small.dannce(), tmp_path) == ()
    file = read_dannce(tmp_path / "a_dannce.mat")
    check = check_reprojection(file)
    assert [fit.name for fit in check.fits] == list(small.cameras)
    assert all(fit.error < 1e-6 < fit.other for fit in check.fits)
    assert all(np.allclose(fit.shift, 0, atol=1e-6) for fit in check.fits)
    assert check.clicks is None


def test_matrices_that_are_both_not_transposed_fit(small, tmp_path):
    content = small.dannce()
    for each in content["params"].flat:
        each["K"], each["r"] = each["K"].T.copy(), each["r"].T.copy()
    assert notes_of(content, tmp_path) == ()


def test_rotations_the_other_way_round_are_told(small, tmp_path):
    content = small.dannce()
    for each in list(content["params"].flat)[1:]:
        each["r"] = each["r"].T.copy()
    (note,) = notes_of(content, tmp_path)
    assert note.startswith("'r' of right, top_view is the other way round than 'K'")


def test_cameras_of_another_recording_are_told(small, tmp_path):
    content = small.dannce()
    content["params"][2, 0]["t"] = content["params"][2, 0]["t"] + 100
    (note,) = notes_of(content, tmp_path)
    assert note.startswith("the 2D labels of top_view are not those of the 3D labels")


def test_labels_from_another_first_pixel_are_told(small, tmp_path):
    content = small.dannce()
    for each in content["labelData"].flat:
        each["data_2d"] = each["data_2d"] + 1
    (note,) = notes_of(content, tmp_path)
    assert "moved by (1.00, 1.00) px" in note


def test_few_or_no_labels_say_nothing(small, tmp_path):
    content = small.dannce()
    for each in content["labelData"].flat:
        each["data_3d"] = np.full_like(each["data_3d"], np.nan)
    assert notes_of(content, tmp_path) == ()
    del content["labelData"]
    assert notes_of(content, tmp_path) == ()
    content = small.dannce()
    for each in content["labelData"].flat:
        each["data_2d"] = each["data_2d"][:, :6]  # not as many as there are 3D ones
    assert notes_of(content, tmp_path) == ()


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_clicks_show_from_where_cameras_count(small, tmp_path, shift):
    """Projections do not: those of the file fit its cameras whatever they count from."""
    content = clicked(small, np.random.default_rng(5), shift, frames=120)
    path = write_mat(tmp_path / "a_dannce.mat", content)
    found = check_reprojection(read_dannce(path)).clicks
    assert found is not None
    assert abs(found.pixels - shift) < 3 * found.sigma < 0.45
    for origin in PixelOrigin:
        notes = notes_of(content, tmp_path, origin)
        if (origin is PixelOrigin.REFERENCE) == (shift == 1.0):
            assert notes == ()
        else:
            assert len(notes) == 1
            assert "where people clicked speaks for pixel_origin" in notes[0]


def test_sigma_is_that_of_many_files(small, tmp_path):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(30):
        path = write_mat(tmp_path / "a_dannce.mat", clicked(small, rng), overwrite=True)
        found.append(check_reprojection(read_dannce(path)).clicks)
    deviations = np.array([each.pixels / each.sigma for each in found])
    assert 0.6 < deviations.std() < 1.5


def test_few_clicks_tell_nothing(small, tmp_path):
    rng = np.random.default_rng(1)
    assert notes_of(clicked(small, rng, 1.0, sigma=8.0), tmp_path) == ()
    content = clicked(small, rng, 1.0, frames=3)
    assert notes_of(content, tmp_path) == ()
    content["handLabeled2D"] = np.zeros((4, 2, 2, 3))
    assert notes_of(content, tmp_path) == ()
