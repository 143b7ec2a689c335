"""Propagation in a session, over videos of a scene that moves as we say."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from moving_scene import MovingScene, moving_scene

from napari_sdannce.labeling.frame_labels import FrameLabels
from napari_sdannce.labeling.gray_images import fitting
from napari_sdannce.labeling.propagating import Propagation
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import Recording, Sync, VideoFile, View
from napari_sdannce.video import Encoding, RecordingVideo, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.labeling.session import LabelingSession

N = 17


@dataclass(frozen=True)
class Filmed:
    scene: MovingScene
    recording: Recording

    @property
    def sync(self) -> Sync:
        """Moments have keys that are no row, and a camera lacks a frame."""
        frames = np.repeat(np.arange(N)[:, None], 4, axis=1)
        frames[7, 2] = -1
        return Sync(np.arange(N) * 20 + 1000, frames)

    def errors(self, points_3d: np.ndarray, moment: int) -> np.ndarray:
        return np.linalg.norm(points_3d - self.scene.keypoints[moment], axis=-1)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Filmed:
    """Four cameras; in the videos they stand in another order than in the labels."""
    folder = tmp_path_factory.mktemp("filmed")
    scene = moving_scene(n_moments=N)
    views = []
    for number, camera in enumerate(scene.cameras):
        path = folder / f"{number}.mp4"
        height, width = scene.images[0][number].shape
        with VideoWriter(path, width, height, 25, encoding=Encoding(quality=16)) as video:
            for images in scene.images:
                video.write(np.repeat(images[number][..., None], 3, axis=2))
        views.append(View(camera.name, (VideoFile(path),), camera))
    return Filmed(scene, Recording(folder, tuple(reversed(views))))


@pytest.fixture
def session(filmed: Filmed) -> LabelingSession:
    session = filmed.scene.session(filmed.sync)
    for moment in (0, N - 1):
        key = key_of(session, moment)
        labels = filmed.scene.clicks(moment, (0, 1, 2, 3), session.at(key))
        session.change("click", {key: labels})
    return session


@pytest.fixture
def video(filmed: Filmed) -> Iterator[RecordingVideo]:
    recording = filmed.recording
    sync = filmed.sync
    recording = replace(recording, sync=Sync(sync.sample_ids, sync.frames[:, ::-1].copy()))
    with RecordingVideo(recording) as video:
        yield video


def key_of(session: LabelingSession, moment: int) -> int:
    return int(session.subject.sync.sample_ids[moment])


def test_labels_are_carried_through_videos(
    filmed: Filmed, session: LabelingSession, video: RecordingVideo
) -> None:
    found = list(Propagation(session, video).from_moment(0, range(1, 11)))
    assert [each.moment for each in found] == list(range(1, 11))
    after = {}
    for each in found:
        key = key_of(session, each.moment)
        after[key] = each.over(session.at(key), session.by)
    assert session.change("propagate", after)
    solution = session.solution(key_of(session, 10))
    away = filmed.errors(solution.points_3d, 10)
    assert np.nanmax(away) < 2.5
    assert np.isfinite(away).sum() >= 8
    assert not solution.complete.any()
    # a camera without a frame gets no labels
    states = session.at(key_of(session, 7)).states
    assert set(states[[0, 1, 3]].ravel()) <= {LabelState.NONE, LabelState.TRACKED}
    assert (states[0] == LabelState.TRACKED).sum() >= 8
    assert not states[2].any()
    # one step back takes all of it away
    session.undo()
    assert session.at(key_of(session, 10)).is_empty


def test_backwards_in_stretches_is_backwards_at_once(
    session: LabelingSession, video: RecordingVideo
) -> None:
    whole = list(Propagation(session, video).from_moment(N - 1, range(N - 2, 5, -1)))
    little = 3 * 4 * 640 * 512
    assert fitting(video, range(4), little) == 3
    parts = list(
        Propagation(session, video, held_bytes=little).from_moment(N - 1, range(N - 2, 5, -1))
    )
    assert [each.moment for each in parts] == list(range(N - 2, 5, -1))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.points_3d, other.points_3d)


@pytest.mark.parametrize("held_bytes", [512 << 20, 5 * 4 * 640 * 512])
def test_between_two_labelled_moments(
    filmed: Filmed,
    session: LabelingSession,
    video: RecordingVideo,
    monkeypatch: pytest.MonkeyPatch,
    held_bytes: int,
) -> None:
    asked: list[int] = []
    frames = video.frames

    def spied(moments, views, *, color):
        asked.extend(moments)
        assert color == "gray"
        return frames(moments, views, color=color)

    monkeypatch.setattr(video, "frames", spied)
    propagation = Propagation(session, video, held_bytes=held_bytes)
    found = list(propagation.between(0, N - 1))
    rising, falling = found[: N - 2], found[N - 2 :]
    assert [each.moment for each in rising] == list(range(1, N - 1))
    assert [each.moment for each in falling] == list(range(N - 2, 0, -1))
    # what fits into memory is decoded once
    assert sorted(asked) == sorted(list(range(N)) * (1 if held_bytes > 100 << 20 else 2))
    alone = {each.moment: filmed.errors(each.points_3d, each.moment) for each in rising}
    both = {each.moment: filmed.errors(each.points_3d, each.moment) for each in falling}
    assert np.isfinite(both[8]).all()
    assert np.nanmax(both[8]) < 2
    late = range(10, N - 1)
    assert np.mean([np.nanmean(both[t]) for t in late]) < 0.6 * np.mean(
        [np.nanmean(alone[t]) for t in late]
    )
    # both ends are where a person put them: near them the blend is right, too
    assert max(np.nanmax(both[t]) for t in (1, N - 2)) < 0.8
    assert np.isfinite(falling[5].apart).any()


def test_labelling_goes_on_while_labels_are_carried(
    filmed: Filmed, session: LabelingSession, video: RecordingVideo
) -> None:
    going = Propagation(session, video).from_moment(0, range(1, 4))
    session.change("clear", {key_of(session, 0): FrameLabels.empty(4, 2, 5)})
    key = key_of(session, 2)
    clicks = filmed.scene.clicks(2, (1,), session.at(key))
    session.change("click", {key: clicks})
    found = {each.moment: each for each in going}
    assert np.isfinite(found[3].points_3d).any()
    after = found[2].over(session.at(key), session.by)
    assert (after.states[1] == LabelState.HUMAN).all()
    np.testing.assert_array_equal(after.points[1], clicks.points[1])
    assert (after.states[0] == LabelState.TRACKED).sum() >= 8


def test_stopping_leaves_no_threads(session: LabelingSession, video: RecordingVideo) -> None:
    before = threading.active_count()
    for going in (
        Propagation(session, video).from_moment(0, range(1, N)),
        Propagation(session, video).between(0, N - 1),
    ):
        next(going)
        next(going)
        going.close()
        assert threading.active_count() <= before


def test_what_cannot_be_carried(session: LabelingSession, video: RecordingVideo) -> None:
    propagation = Propagation(session, video)
    with pytest.raises(ValueError, match="later moments or to earlier ones"):
        propagation.from_moment(5, [6, 4])
    with pytest.raises(ValueError, match="does not come before"):
        propagation.between(5, 5)
    with pytest.raises(IndexError, match=f"moment {N} asked for; the recording has {N}"):
        propagation.between(2, N)
    with pytest.raises(IndexError, match=f"moment {N} asked for"):
        propagation.from_moment(N - 1, [N])
    names = ("a", "b", "c", "d")
    cameras = tuple(
        replace(camera, name=name)
        for camera, name in zip(session.subject.cameras, names, strict=True)
    )
    session.subject = replace(session.subject, views=names, cameras=cameras)
    with pytest.raises(ValueError, match="the labels are of the cameras a, b, c, d"):
        propagation.from_moment(0, [1])
