"""Lazy arrays cost nothing to open, and one frame costs one frame."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING

import dask
import dask.array as da
import numpy as np
import pytest
from numbered_clips import read_code, write_clip

from napari_sdannce.recording import Recording, Sync, VideoFile, View
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.lazy import FrameArray, LazyVideo, lazy_video

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (4, 6, 3)


class CountingSource:
    """Frames that are their number, and which were asked for."""

    def __init__(self, missing: set[int] | None = None) -> None:
        self.read: list[int] = []
        self.missing = missing or set()
        self._lock = threading.Lock()

    def read_or_none(self, frame: int) -> np.ndarray | None:
        with self._lock:
            self.read.append(frame)
        return None if frame in self.missing else np.full(SHAPE, frame % 251, np.uint8)


def whole(n: int) -> np.ndarray:
    return np.broadcast_to((np.arange(n) % 251).astype(np.uint8)[:, None, None, None], (n, *SHAPE))


def test_a_long_video_has_a_small_graph_and_reads_nothing() -> None:
    source = CountingSource()
    video = lazy_video(source, 100_000, (1024, 1152, 3))
    assert isinstance(video, da.Array)
    assert video.shape == (100_000, 1024, 1152, 3)
    assert video.dtype == np.uint8
    assert len(dict(video.dask)) < 1000
    assert source.read == []


def test_the_graph_does_not_grow_with_the_length() -> None:
    sizes = [len(dict(lazy_video(CountingSource(), n, SHAPE).dask)) for n in (0, 1, 10**5, 10**8)]
    assert max(sizes) <= 901
    assert sizes[:2] == [1, 1]
    one = [len(dict(lazy_video(CountingSource(), n, SHAPE)[0].dask)) for n in (1, 10**5, 10**8)]
    assert one == [1, 1, 1]


@pytest.mark.parametrize("fuse", [True, False, None])
def test_one_frame_costs_one_frame_whatever_dask_optimises(fuse: bool | None) -> None:
    source = CountingSource()
    video = lazy_video(source, 100_000, SHAPE)
    with dask.config.set({"optimization.fuse.active": fuse}):
        frame = np.asarray(video[54_321, :, :, :])
    np.testing.assert_array_equal(frame, np.full(SHAPE, 54_321 % 251))
    assert source.read == [54_321]


INDICES = [
    np.s_[3],
    np.s_[-1],
    np.int64(7),
    np.s_[5, 1:3, :, 0],
    np.s_[2:9],
    np.s_[2:30:7, ..., 1],
    np.s_[::-5],
    np.s_[4, ..., 2],
    np.s_[..., 2],
    np.s_[:, 2],
    np.s_[10:2],
    np.s_[[1, 5, 5, 30]],
    np.s_[[1, 5], 1:3],
    np.s_[None, 4],
    np.s_[4, None],
    np.s_[:],
    np.s_[()],
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_that_of_numpy(index: object) -> None:
    video = lazy_video(CountingSource(), 40, SHAPE)
    part = video[index]
    expected = whole(40)[index]
    assert part.shape == expected.shape
    np.testing.assert_array_equal(np.asarray(part), expected)


def test_masks_and_arithmetic_work() -> None:
    video = lazy_video(CountingSource(), 40, SHAPE)
    mask = np.arange(40) % 3 == 0
    np.testing.assert_array_equal(video[mask].compute(), whole(40)[mask])
    np.testing.assert_array_equal((video[3:6] + 1).compute(), whole(40)[3:6] + 1)
    np.testing.assert_array_equal(video.max(axis=0).compute(), whole(40).max(axis=0))
    assert isinstance(video[5:20][3:7], LazyVideo)
    np.testing.assert_array_equal(video[5:20][3:7].compute(), whole(40)[8:12])
    with pytest.raises(IndexError):
        video[40]


def test_a_stretch_reads_only_its_frames() -> None:
    source = CountingSource()
    video = lazy_video(source, 100_000, SHAPE)
    video[1000:1010:3].compute()
    assert sorted(source.read) == [1000, 1003, 1006, 1009]


def test_numpy_gets_a_frame_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object, **keywords: object) -> None:
        raise AssertionError("a scheduler was asked")

    monkeypatch.setattr("dask.base.get_scheduler", forbidden)
    video = lazy_video(CountingSource(), 100_000, SHAPE)
    np.testing.assert_array_equal(np.asarray(video[7, :, :, :]), np.full(SHAPE, 7))
    np.testing.assert_array_equal(np.asarray(video[7:9])[:, 0, 0, 0], [7, 8])


def test_threads_of_dask_read_stretch_after_stretch() -> None:
    source = CountingSource()
    video = lazy_video(source, 50_000, SHAPE)
    assert int(video.max(axis=(1, 2, 3)).sum().compute()) == int((np.arange(50_000) % 251).sum())
    jumps = np.count_nonzero(np.diff(source.read) != 1)
    assert jumps < len(video.chunks[0])


def test_frames_go_to_another_process() -> None:
    frames = FrameArray(WhiteSource(), range(5), SHAPE)
    again = pickle.loads(pickle.dumps(frames))
    np.testing.assert_array_equal(again[3], np.full(SHAPE, 255))


class WhiteSource:
    def read_or_none(self, frame: int) -> np.ndarray | None:
        return np.full(SHAPE, 255, np.uint8)


def test_a_missing_frame_is_black() -> None:
    video = lazy_video(CountingSource(missing={3}), 5, SHAPE)
    assert not np.asarray(video[3]).any()
    np.testing.assert_array_equal(np.asarray(video[2:5])[:, 0, 0, 0], [2, 0, 4])


@pytest.mark.parametrize("index", INDICES[:-6], ids=str)
def test_the_array_without_dask_gives_the_same(index: object) -> None:
    frames = FrameArray(CountingSource(), range(40), SHAPE)
    assert frames.shape == (40, *SHAPE)
    np.testing.assert_array_equal(frames[index], whole(40)[index])


def test_camera_of_a_recording_as_an_array(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "0.mp4", 30, gop=10)
    sync = Sync(np.arange(4), np.array([[29], [3], [-1], [700]]))
    recording = Recording(tmp_path, (View("Camera1", (VideoFile(path),)),), sync=sync)
    with RecordingVideo(recording, color="gray") as video:
        array = video.lazy("Camera1")
        assert array.shape == (4, 64, 96)
        assert [read_code(np.asarray(array[i])) for i in (0, 1)] == [29, 3]
        assert not np.asarray(array[2:]).any()
        with pytest.raises(ValueError, match="no camera 'Camera9'"):
            video.lazy("Camera9")


def test_opening_a_lazy_array_decodes_nothing(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "0.mp4", 300, gop=10)
    with RecordingVideo(Recording(tmp_path, (View("Camera1", (VideoFile(path),)),))) as video:
        array = video.lazy("Camera1")
        camera = video.cameras[0]
        assert camera is not None
        assert camera.n_packets_decoded == 0
        assert read_code(np.asarray(array[205])) == 205
        assert camera.n_packets_decoded <= 12


def test_napari_slices_one_frame_at_a_time() -> None:
    components = pytest.importorskip("napari.components")
    source = CountingSource()
    viewer = components.ViewerModel()
    viewer.add_image(lazy_video(source, 100_000, SHAPE), rgb=True, contrast_limits=(0, 255))
    viewer.dims.set_point(0, 70_000)
    viewer.dims.set_point(0, 12)
    assert set(source.read) <= {0, 70_000, 12, 50_000, 49_999}
    assert len(source.read) <= 8
