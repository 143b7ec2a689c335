"""Recordings: which frame of which file, and what must fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_sdannce.geometry.cameras import Camera
from napari_sdannce.recording import Problem, Recording, Sync, VideoFile, View

FOLDER = Path("/data/exp")


def camera(name):
    return Camera(
        name, np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), np.eye(3), np.zeros(3)
    )


def recording(**changes):
    views = tuple(
        View(name, (VideoFile(FOLDER / name / "0.mp4"),), camera(name)) for name in ("a", "b", "c")
    )
    return Recording(FOLDER, **{"views": views, **changes})


def test_frames_lie_in_the_file_that_starts_last_before_them():
    view = View("a", tuple(VideoFile(FOLDER / f"{n}.mp4", n) for n in (0, 100, 250)))
    assert view.locate(0) == (view.videos[0], 0)
    assert view.locate(99) == (view.videos[0], 99)
    assert view.locate(100) == (view.videos[1], 0)
    assert view.locate(9999) == (view.videos[2], 9749)


def test_frames_before_the_first_file():
    view = View("a", (VideoFile(FOLDER / "50.mp4", 50),))
    with pytest.raises(IndexError, match=r"no video for frame 49.*50"):
        view.locate(49)
    with pytest.raises(IndexError, match="'b'"):
        View("b").locate(0)


@pytest.mark.parametrize("starts", [(5, 0), (0, 0), (-1, 3)])
def test_files_must_rise(starts):
    with pytest.raises(ValueError, match="camera 'a'"):
        View("a", tuple(VideoFile(FOLDER / "x.mp4", start) for start in starts))


def test_a_view_takes_only_its_own_calibration():
    with pytest.raises(ValueError, match=r"'a'.*'b'"):
        View("a", camera=camera("b"))


def test_sync():
    sync = Sync.identity(4, 2)
    assert len(sync) == 4
    assert sync.frames.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    with pytest.raises(ValueError, match="3 sample ids for 4 moments"):
        Sync(np.arange(3), sync.frames)
    with pytest.raises(ValueError, match="needs"):
        Sync(np.arange(4), np.arange(4))


def test_names_and_cameras():
    found = recording()
    assert found.name == "exp"
    assert found.names == ("a", "b", "c")
    assert found.is_calibrated
    assert [each.name for each in found.cameras] == ["a", "b", "c"]
    assert found.view("b").name == "b"
    with pytest.raises(ValueError, match=r"no camera 'd'.*a, b, c"):
        found.view("d")


def test_uncalibrated_cameras_are_named():
    found = recording(views=(View("a", camera=camera("a")), View("b"), View("c")))
    assert not found.is_calibrated
    with pytest.raises(ValueError, match="b, c"):
        _ = found.cameras


def test_selection_takes_the_columns_of_the_sync_along():
    frames = np.arange(12).reshape(4, 3)
    found = recording(sync=Sync(np.arange(4), frames)).select(("c", "a"))
    assert found.names == ("c", "a")
    assert found.sync.frames.tolist() == frames[:, [2, 0]].tolist()
    assert recording().select(("b",)).sync is None


def test_other_calibrations_by_name():
    moved = [Camera(n, camera(n).matrix, np.eye(3), np.ones(3)) for n in ("c", "b", "a")]
    found = recording().calibrated(moved)
    assert [each.name for each in found.cameras] == ["a", "b", "c"]
    assert all(each.translation.tolist() == [1, 1, 1] for each in found.cameras)
    with pytest.raises(ValueError, match="not a"):
        recording().calibrated(moved[:2])


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="at least one"):
        recording(views=())
    with pytest.raises(ValueError, match=r"more than once.*'a'"):
        recording(views=(View("a"), View("a")))
    with pytest.raises(ValueError, match=r"sync is for 2 cameras.*3"):
        recording(sync=Sync.identity(5, 2))


def test_problems_say_where():
    assert str(Problem(Path("a.mat"), "is broken")) == "a.mat: is broken"
