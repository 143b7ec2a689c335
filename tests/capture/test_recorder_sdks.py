"""Recordings through the SDKs of camera makers, with their emulated cameras."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from napari_sdannce.capture.back_ends.pylon import PylonCamera
from napari_sdannce.capture.newest import NewestFrames
from napari_sdannce.capture.recorder.counts import CameraState
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.synthetic.stamp import Stamp, draw_stamp
from napari_sdannce.video import CameraVideo

sys.path.insert(0, str(Path(__file__).parent))
from recording_hands import Recorded, counted, record, recording, settings_of, stamps

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame
    from napari_sdannce.recording import View
    from napari_sdannce.settings.capture import CaptureSettings


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures for an emulated camera to show, each with its number."""
    folder = tmp_path_factory.mktemp("served")
    for i in range(40):
        image = np.full((64, 160), 100, np.uint8)
        draw_stamp(image, Stamp(0, i))
        assert cv2.imwrite(str(folder / f"{i:03}.png"), image)
    return folder


def of_basler(folder: Path, served: Path, n_cameras: int, **settings: Any) -> CaptureSettings:
    """A recording of emulated cameras, of Mono8 images."""
    shown = {"TestImageSelector": "Off", "ImageFilename": str(served), "ImageFileMode": "On"}
    camera = {"back_end": "basler", "pixel_format": "Mono8", "exposure_us": 100, "features": shown}
    cameras = [camera | {"serial": f"0815-000{i}"} for i in range(n_cameras)]
    return settings_of(folder, cameras, **settings)


def execute(camera: PylonCamera, command: str, **values: int) -> None:
    """Have an emulated camera do something."""
    nodes = camera._device.GetNodeMap()
    for name, value in values.items():
        nodes.GetNode(name).SetValue(value)
    nodes.GetNode(command).Execute()


def with_frames(found: Recorded) -> dict[str, int]:
    return {name: counts.encoded for name, counts in found.counts.items()}


@pytest.mark.parametrize(("trigger", "n_cameras"), [("software", 6), ("free", 2)])
def test_basler_cameras(tmp_path: Path, served: Path, trigger: str, n_cameras: int) -> None:
    """Armed before the first pulse: all have seen each of them, and show the same pictures."""
    settings = of_basler(tmp_path / "rec", served, n_cameras, trigger=trigger, fps=20, seconds=1.2)
    found = record(settings)
    assert len(found.counts) == n_cameras
    for name in found.counts:
        assert found.exposures(name) == list(range(24))
    assert found.file.ended_by == "its length was reached"
    if trigger == "software":
        sync = open_recording(found.folder).sync
        assert sync is not None
        assert (sync.frames == np.arange(24)[:, None]).all()
        assert all(check.passed for check in found.file.checks)


def test_failed_buffers_of_one_camera(tmp_path: Path, served: Path) -> None:
    settings = of_basler(tmp_path / "rec", served, 3, trigger="software", fps=30, seconds=1)
    with recording(settings) as going:
        going.until_grabbed(5)
        execute(going.camera("Camera2"), "ForceFailedBuffer", ForceFailedBufferCount=3)
    found = counted(going)
    assert with_frames(found) == {"Camera1": 30, "Camera2": 27, "Camera3": 30}, found.rows
    assert found.counts["Camera2"].failed == 3
    assert "incompletely grabbed" in found.told("failed", "Camera2")[0]
    sync = open_recording(found.folder).sync
    assert sync is not None
    assert len(sync) == 27


class SlowLook(NewestFrames):
    """Somebody who looks on and keeps the one who grabs from grabbing, as a busy computer does."""

    def put(self, name: str, frame: Frame, moment: int) -> None:
        threading.Event().wait(0.03)
        super().put(name, frame, moment)


def test_images_that_the_sdk_throws_away_are_lost_with_their_cause(
    tmp_path: Path, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def latest(self: PylonCamera) -> Any:
        return self._pylon.GrabStrategy_LatestImageOnly

    monkeypatch.setattr(PylonCamera, "_strategy", latest)
    settings = of_basler(tmp_path / "rec", served, 2, fps=100)
    with recording(settings, newest=SlowLook(["Camera1", "Camera2"])) as going:
        going.until_grabbed(15)
        going.recorder.stop("enough")
    found = counted(going, is_stamped=False)
    for name, counts in found.counts.items():
        ids = found.records[name].block_id
        assert counts.lost == ids[-1] + 1 - len(ids) > 5
        assert stamps(found.folder, name) == (ids % 40).tolist()
        skipped = np.diff(ids, prepend=-1) - 1
        first = skipped[skipped > 0][0]  # on a busy computer a second frame may come before it
        assert found.told("lost", name)[0].endswith(f"the SDK counts Skipped_Images +{first}")


def test_an_unplugged_basler_camera(tmp_path: Path, served: Path) -> None:
    """Its file is finished and the others go on. One that runs freely the emulator lets run on."""
    settings = of_basler(tmp_path / "rec", served, 3, trigger="software", fps=30)
    with recording(settings) as going:
        going.until_grabbed(5)
        execute(going.camera("Camera2"), "FirePnPCallback")
        going.until(lambda: going.counts("Camera2").state is CameraState.LOST)
        before = going.grabbed("Camera1")
        going.until_grabbed(before + 5, "Camera1", "Camera3")
        going.recorder.stop("enough")
    found = counted(going)
    assert found.exposures("Camera2") == list(range(found.counts["Camera2"].encoded))
    assert found.told("trouble", "Camera2") == [
        "Basler camera 0815-0001 is not there any more: unplugged, or without power"
    ]
    record(of_basler(tmp_path / "again", served, 3, trigger="software", fps=30, seconds=0.1))


@pytest.fixture
def makers(viky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cameras that the package genicam brings, found as those of any maker are."""
    monkeypatch.setenv("GENICAM_GENTL64_PATH", str(viky.parent))


def of_gentl(folder: Path, **settings: Any) -> CaptureSettings:
    camera: dict[str, Any] = {
        "back_end": "gentl",
        "width": 200,
        "height": 100,
        "pixel_format": "RGBa8",
    }
    camera["buffers"] = 8  # this producer takes 4 ms for each, and so begins late
    return settings_of(folder, [camera | {"serial": str(i)} for i in range(3)], **settings)


@pytest.mark.usefixtures("makers")
def test_three_gentl_cameras(tmp_path: Path) -> None:
    """Each shows a ball of another colour on white."""
    with recording(of_gentl(tmp_path / "rec", fps=50, seconds=1)) as going:
        pass
    found = counted(going, is_stamped=False)
    for counts in found.counts.values():
        assert counts.encoded + counts.lost == 50  # a busy computer is too slow for the producer
    views = open_recording(found.folder).views
    assert [colour_of(view) for view in views] == [0, 1, 2]


def colour_of(view: View) -> int:
    """Channel of a video that is brightest in all of its frames."""
    with CameraVideo(view) as video:
        assert video.n_frames > 25
        means = [video.read(i).reshape(-1, 3).mean(axis=0) for i in range(video.n_frames)]
    (brightest,) = {int(mean.argmax()) for mean in means}
    return brightest


@pytest.mark.usefixtures("makers")
def test_gentl_buffers_that_are_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genicam import gentl

    monkeypatch.setattr(gentl.Buffer, "is_complete", lambda self: self.frame_id % 5 != 3)
    with recording(of_gentl(tmp_path / "rec", fps=100)) as going:
        going.until_grabbed(40)
        going.recorder.stop("enough")
    found = counted(going, is_stamped=False)
    for records in found.records.values():
        failed = records.status == "failed"
        assert failed.any()
        assert not failed.all()
        assert (failed == (records.block_id % 5 == 2)).all()


@pytest.mark.usefixtures("makers")
def test_cameras_of_several_makers_record_together(lab: Any, tmp_path: Path, served: Path) -> None:
    basler = of_basler(tmp_path, served, 1).cameras[0].model_dump()
    gentl = of_gentl(tmp_path).cameras[0].model_dump()
    cameras = [basler, gentl | {"name": "Camera2"}, {"name": "Camera3"}]
    with recording(settings_of(tmp_path / "rec", cameras, fps=50, seconds=0.6)) as going:
        pass
    found = counted(going, is_stamped=False)
    assert [counts.encoded + counts.lost for counts in found.counts.values()] == [30] * 3
    assert stamps(found.folder, "Camera1") == stamps(found.folder, "Camera3") == list(range(30))
