"""Videos that play the part of a camera, and what all cameras without a sensor share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.capture.back_ends.pictures import NotWholeError
from napari_sdannce.capture.back_ends.replay import Replay, ReplayCamera
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraInfo,
    CameraLostError,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)
from napari_sdannce.synthetic.stamp import Stamp, draw_stamp, read_stamp
from napari_sdannce.video import Encoding, VideoReader, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_sdannce.capture.back_ends.pictures import Clock
    from napari_sdannce.capture.cameras import Camera, Frame, Image
    from napari_sdannce.settings.capture import CameraSettings

    Wanted = Callable[..., CameraSettings]
    Grab = Callable[[Camera, int], list[Frame]]

N_FRAMES = 20
FREELY = {"paced": False}


def write(path: Path, frames: range, *, gray: bool = False) -> Path:
    """A video whose frames say which they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 160, 64, 25, gray=gray, encoding=Encoding(quality=20)) as video:
        for number in frames:
            image = np.full((64, 160) if gray else (64, 160, 3), 90, dtype=np.uint8)
            draw_stamp(image, Stamp(7, number))
            video.write(image)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "0.mp4", range(N_FRAMES))


def shown(frame: Frame) -> int:
    assert frame.image is not None
    stamp = read_stamp(frame.image)
    assert stamp is not None
    return stamp.exposure


def opened(path: Path, clock: Clock | None = None) -> ReplayCamera:
    return ReplayCamera(CameraInfo("replay", str(path), "video"), clock)


def test_all_frames_come_in_their_order(clip: Path, wanted: Wanted, grab: Grab) -> None:
    camera = Replay().open(str(clip))
    shape = camera.configure(wanted(features=FREELY), 25, Trigger.FREE)
    assert (shape.width, shape.height, shape.layout, shape.fps) == (160, 64, PixelLayout.RGB, 25)
    camera.arm()
    frames = grab(camera, N_FRAMES)
    assert [shown(frame) for frame in frames] == list(range(N_FRAMES))
    assert [frame.block_id for frame in frames] == list(range(N_FRAMES))
    with pytest.raises(CameraLostError, match="is over after 20 frames"):
        camera.grab(1)
    camera.disarm()
    assert camera.health().values == {}
    camera.arm()  # it begins anew
    assert shown(grab(camera, 1)[0]) == 0
    camera.close()


def test_images_are_those_of_the_reader(clip: Path, wanted: Wanted, grab: Grab) -> None:
    camera = Replay().open(str(clip))
    camera.configure(wanted(features=FREELY), 25, Trigger.FREE)
    camera.arm()
    with VideoReader(clip) as video:
        for i, frame in enumerate(grab(camera, 3)):
            np.testing.assert_array_equal(frame.image, video.read(i))
    camera.close()


def test_grey_is_made_of_colour(clip: Path, wanted: Wanted, grab: Grab) -> None:
    camera = Replay().open(str(clip))
    settings = wanted(pixel_format="Mono8", features=FREELY)
    assert camera.configure(settings, 25, Trigger.FREE).layout is PixelLayout.MONO
    camera.arm()
    (frame,) = grab(camera, 1)
    assert frame.image is not None
    assert frame.image.shape == (64, 160)
    camera.close()


def test_it_begins_again_where_that_is_wanted(clip: Path, wanted: Wanted, grab: Grab) -> None:
    camera = Replay().open(str(clip))
    camera.configure(wanted(features=FREELY | {"loop": True}), 25, Trigger.FREE)
    for _ in range(2):
        camera.arm()
        frames = grab(camera, N_FRAMES + 3)
        assert [shown(frame) for frame in frames] == [*range(N_FRAMES), 0, 1, 2]
        assert [frame.block_id for frame in frames] == list(range(N_FRAMES + 3))
    camera.close()


def test_files_of_a_folder_follow_one_another(tmp_path: Path, wanted: Wanted, grab: Grab) -> None:
    write(tmp_path / "Camera1" / "0.mp4", range(5))
    write(tmp_path / "Camera1" / "5.mp4", range(5, 9))
    camera = Replay().open(str(tmp_path / "Camera1"))
    camera.configure(wanted(features=FREELY), 25, Trigger.FREE)
    camera.arm()
    assert [shown(frame) for frame in grab(camera, 9)] == list(range(9))
    camera.close()
    with pytest.raises(CameraError, match="is no folder of one camera"):
        Replay().open(str(tmp_path))


@pytest.mark.parametrize("fps", [25, 200])
def test_frames_come_at_the_wanted_rate(
    clip: Path, wanted: Wanted, grab: Grab, hand_clock: Any, fps: float
) -> None:
    camera = opened(clip, hand_clock)
    camera.configure(wanted(), fps, Trigger.FREE)
    hand_clock.ns += 5_000_000_000
    camera.arm()
    armed = hand_clock.ns
    period = round(1e9 / fps)
    frames = grab(camera, 4)
    assert [frame.host_ns - armed for frame in frames] == [i * period for i in range(4)]
    times = [frame.camera_ns for frame in frames if frame.camera_ns is not None]
    assert np.diff(times).tolist() == [period] * 3
    assert camera.grab(period / 2e9) is None
    camera.close()


def test_the_real_clock_is_kept(clip: Path, wanted: Wanted, grab: Grab) -> None:
    camera = opened(clip)
    camera.configure(wanted(), 500, Trigger.FREE)
    camera.arm()
    frames = grab(camera, 5)
    assert frames[-1].host_ns - frames[0].host_ns >= 3 * 2_000_000
    camera.close()


def test_full_buffers_lose_frames_and_the_count_tells(
    clip: Path, wanted: Wanted, grab: Grab, hand_clock: Any
) -> None:
    camera = opened(clip, hand_clock)
    camera.configure(wanted(buffers=3), 100, Trigger.FREE)
    camera.arm()
    assert [frame.block_id for frame in grab(camera, 2)] == [0, 1]
    hand_clock.ns += 60_000_000  # six periods in which nobody grabs
    assert [frame.block_id for frame in grab(camera, 5)] == [2, 3, 4, 8, 9]
    assert camera.health().values["lost"] == 3
    camera.close()


def test_disarmed_it_hands_out_what_waits(
    clip: Path, wanted: Wanted, grab: Grab, hand_clock: Any
) -> None:
    camera = opened(clip, hand_clock)
    camera.configure(wanted(), 100, Trigger.FREE)
    camera.arm()
    hand_clock.ns += 25_000_000
    camera.disarm()
    assert [frame.block_id for frame in grab(camera, 3)] == [0, 1, 2]
    assert camera.grab(1) is None
    camera.arm()
    assert grab(camera, 1)[0].block_id == 0
    camera.close()


def test_a_trigger_makes_one_frame(clip: Path, wanted: Wanted, grab: Grab) -> None:
    camera = Replay().open(str(clip))
    camera.configure(wanted(), 25, Trigger.SOFTWARE)
    with pytest.raises(CameraError, match="is not armed"):
        camera.trigger()
    camera.arm()
    camera.trigger()
    camera.trigger()
    assert [shown(frame) for frame in grab(camera, 2)] == [0, 1]
    assert camera.grab(0) is None
    camera.configure(wanted(), 25, Trigger.FREE)
    camera.arm()
    with pytest.raises(CameraError, match="not started by this program"):
        camera.trigger()
    camera.close()


def test_faults_can_be_made_by_a_subclass(clip: Path, wanted: Wanted, grab: Grab) -> None:
    class Faulty(ReplayCamera):
        def arrives(self, number: int) -> bool:
            return number != 2

        def picture(self, number: int) -> Image:
            if number == 4:
                raise NotWholeError("half of it is missing")
            if number == 6:
                raise CameraLostError("pulled out")
            return super().picture(number)

    camera = Faulty(CameraInfo("replay", str(clip), "video"))
    camera.configure(wanted(features=FREELY), 25, Trigger.FREE)
    camera.arm()
    frames = grab(camera, 5)
    assert [frame.block_id for frame in frames] == [0, 1, 3, 4, 5]
    assert [frame.trouble for frame in frames] == ["", "", "", "half of it is missing", ""]
    assert frames[3].image is None
    for _ in range(2):
        with pytest.raises(CameraLostError, match="pulled out"):
            camera.grab(1)
    camera.close()


def test_a_frame_that_can_not_be_read_fails_and_counts(
    clip: Path, wanted: Wanted, grab: Grab, tmp_path: Path
) -> None:
    write(tmp_path / "0.mp4", range(3))
    write(tmp_path / "5.mp4", range(5, 7))  # 3 and 4 are nowhere
    camera = Replay().open(str(tmp_path))
    camera.configure(wanted(features=FREELY), 25, Trigger.FREE)
    camera.arm()
    frames = grab(camera, 7)
    assert [frame.image is None for frame in frames] == [False] * 3 + [True] * 2 + [False] * 2
    assert "frame 3 is missing" in frames[3].trouble
    assert frames[6].block_id == shown(frames[6]) == 6
    camera.close()


@pytest.mark.parametrize(
    ("settings", "trigger", "says"),
    [
        ({"width": 200}, Trigger.FREE, "images of 200 x 64 px are wanted; they are 160 x 64"),
        ({"exposure_us": 10}, Trigger.FREE, "exposure_us can not be set; of a camera of this kind"),
        ({"pixel_format": "Mono12"}, Trigger.FREE, "it takes Mono8 or RGB8"),
        ({"features": {"lop": True}}, Trigger.FREE, "no feature 'lop'; it has paced, loop"),
        ({"features": {"loop": 2}}, Trigger.FREE, "loop 2: it takes true or false"),
        ({}, Trigger.HARDWARE, "can only be free or software"),
    ],
)
def test_what_a_video_can_not_do_is_refused(
    clip: Path, wanted: Wanted, settings: dict[str, object], trigger: Trigger, says: str
) -> None:
    camera = Replay().open(str(clip))
    with pytest.raises(SettingRefusedError) as refused:
        camera.configure(wanted(**settings), 25, trigger)
    assert says in str(refused.value)
    camera.close()


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    with pytest.raises(CameraError, match=r"notes\.mp4.*cannot be read as a video"):
        Replay().open(str(tmp_path / "notes.mp4"))
    with pytest.raises(CameraError, match=r"gone\.mp4 is neither"):
        Replay().open(str(tmp_path / "gone.mp4"))
    assert Replay().discover() == []
