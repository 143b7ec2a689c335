"""Cameras that lose frames, fail or are unplugged, and encoders that can not follow.

Each frame is accounted for all the same (see `counted`), and the other cameras go on.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.capture.cameras import CameraError, Health
from napari_sdannce.capture.recorder import guards, running
from napari_sdannce.capture.recorder.counts import CameraState
from napari_sdannce.files.experiment import open_recording

sys.path.insert(0, str(Path(__file__).parent))
from lab_cameras import LabCamera
from recording_hands import LARGE, UNPACED, counted, record, recording, settings_of

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame

ALL = list(range(25))


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait shorter for last frames that will not come."""
    monkeypatch.setattr(running, "LAST_PULSE_S", 0.3)


def test_exposures_that_never_arrive_are_told_with_their_places(lab: Any, tmp_path: Path) -> None:
    lost = {0, 7, 8, 24}

    class Lossy(LabCamera):
        def arrives(self, number: int) -> bool:
            return number not in lost

    lab.classes["2"] = Lossy
    found = record(settings_of(tmp_path / "rec", 2, trigger="software", seconds=0.5))
    there = [i for i in ALL if i not in lost]
    assert found.exposures("Camera1") == ALL
    assert found.exposures("Camera2") == there
    assert found.counts["Camera2"].lost == 4
    assert (
        found.rows[1]["what"] == "1 exposure never arrived: lost between sensor and this computer"
    )
    sync = open_recording(found.folder).sync
    assert sync is not None
    assert sync.frames.tolist() == [[i, there.index(i)] for i in there]
    assert not found.check("Camera2: nothing is missing")
    assert found.file.ended_by == "its length was reached, but not by Camera2"


def test_frames_that_are_not_whole_are_told_and_added_up(lab: Any, tmp_path: Path) -> None:
    class Torn(LabCamera):
        def delivered(self, frame: Frame) -> Frame:
            torn = replace(frame, image=None, trouble="bad packet")
            return torn if (frame.block_id or 0) % 3 else frame

    lab.classes["1"] = Torn
    found = record(settings_of(tmp_path / "rec", 2, trigger="software", fps=100, seconds=0.5))
    assert found.exposures("Camera1") == list(range(0, 50, 3))
    assert found.counts["Camera1"].failed == 33
    told = found.told("failed", "Camera1")
    assert 1 <= len(told) <= 2
    assert told[0] == "1 frame did not arrive whole: bad packet"


@pytest.mark.parametrize("trigger", ["free", "software", "hardware"])
def test_when_one_is_unplugged_the_others_go_on(lab: Any, tmp_path: Path, trigger: str) -> None:
    with recording(settings_of(tmp_path / "rec", 3, trigger=trigger)) as going:
        going.until(lambda: going.pulsed(10))
        lab.opened[1].unplug()
        going.until(lambda: going.counts("Camera2").state is CameraState.LOST)
        before = going.grabbed("Camera1")
        going.until(lambda: going.pulsed(before + 10, "Camera1", "Camera3"))
        going.recorder.stop("enough")
    found = counted(going)
    kept = found.counts["Camera2"].encoded
    assert found.exposures("Camera2") == list(range(kept))
    assert kept >= 10
    assert found.counts["Camera1"].encoded >= kept + 10
    assert found.told("trouble", "Camera2") == [
        "synthetic camera 2 is not there any more: unplugged"
    ]
    assert found.told("trouble", "Camera1") == []


@pytest.mark.parametrize("trigger", ["free", "software", "hardware"])
def test_when_all_are_unplugged_it_ends(lab: Any, tmp_path: Path, trigger: str) -> None:
    with recording(settings_of(tmp_path / "rec", 2, trigger=trigger, seconds=60)) as going:
        going.until(lambda: going.pulsed(3))
        for camera in lab.opened:
            camera.unplug()
    assert counted(going).file.ended_by == "no camera is left"


def test_an_encoder_that_can_not_follow_leaves_frames_out_at_their_place(
    lab: Any, tmp_path: Path
) -> None:
    settings = settings_of(
        tmp_path / "rec", [LARGE], fps=60, seconds=0.5, memory_mb=64, encoding={"codec": "ffv1"}
    )
    found = record(settings)
    counts, records = found.counts["Camera1"], found.records["Camera1"]
    assert counts.grabbed + counts.lost == 30
    assert counts.dropped > 5
    assert counts.most_fill <= 1
    assert records.queue_depth.max() >= 5
    first = int(np.flatnonzero(records.status == "dropped")[0])
    assert found.rows[1]["frame"] == str(first)
    assert found.told("dropped")[0].endswith("the queue to the encoder was full")
    assert found.file.ended_by == "its length was reached"


def test_an_encoder_that_can_not_follow_may_end_the_recording(lab: Any, tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path / "rec",
        [LARGE],
        fps=100,
        memory_mb=64,
        encoding={"codec": "ffv1"},
        when_behind="stop",
    )
    found = record(settings)
    assert found.file.ended_by == "the encoder of Camera1 can not follow"
    assert found.counts["Camera1"].dropped >= 1


@pytest.mark.parametrize("trigger", ["free", "software"])
def test_a_driver_that_raises_what_it_likes_ends_only_its_own_camera(
    lab: Any, tmp_path: Path, trigger: str
) -> None:
    with recording(settings_of(tmp_path / "rec", 3, trigger=trigger, seconds=0.6)) as going:
        going.until_grabbed(5)
        lab.opened[1].raises["grab"] = IndexError("list index out of range")
        lab.opened[2].raises["health"] = RuntimeError("sensor is busy")
    found = counted(going)
    assert found.exposures("Camera1") == found.exposures("Camera3") == list(range(30))
    assert found.told("trouble", "Camera2") == ["it failed: IndexError: list index out of range"]
    assert found.counts["Camera2"].state is CameraState.LOST
    assert not lab.opened[1]._is_armed
    assert found.file.ended_by == "its length was reached, but not by Camera2"


@pytest.mark.parametrize("error", [CameraError("not ready"), OSError("not ready")])
def test_a_camera_that_can_not_be_triggered_is_left_out(
    lab: Any, tmp_path: Path, error: Exception
) -> None:
    with recording(settings_of(tmp_path / "rec", 2, trigger="software", seconds=0.6)) as going:
        going.until_grabbed(5)
        lab.opened[1].raises["trigger"] = error
    found = counted(going)
    assert found.exposures("Camera1") == list(range(30))
    n = found.counts["Camera2"].encoded
    assert found.told("trouble") == [
        f"its exposures are started no more after the first {n}: not ready"
    ]
    assert found.file.ended_by == "its length was reached, but not by Camera2"
    assert found.file.sync is not None
    assert found.file.sync.problems == (f"Camera2 saw {n} pulses of 30",)


def test_when_no_camera_can_be_triggered_it_ends(lab: Any, tmp_path: Path) -> None:
    with recording(settings_of(tmp_path / "rec", 2, trigger="software", seconds=60)) as going:
        going.until_grabbed(5)
        for camera in lab.opened:
            camera.raises["trigger"] = CameraError("not ready")
    assert counted(going).file.ended_by == ("its length was reached, but not by Camera1, Camera2")


def test_images_that_are_not_as_they_were_set_up_are_noted(lab: Any, tmp_path: Path) -> None:
    class Odd(LabCamera):
        def delivered(self, frame: Frame) -> Frame:
            assert frame.image is not None
            image = frame.image[1:] if frame.block_id in (3, 4) else frame.image
            return replace(frame, image=image.astype(float) if frame.block_id == 9 else image)

    lab.classes["2"] = Odd
    found = record(settings_of(tmp_path / "rec", [UNPACED] * 2, seconds=0.5))
    assert found.exposures("Camera1") == ALL
    assert found.exposures("Camera2") == [i for i in ALL if i not in (3, 4, 9)]
    assert found.counts["Camera2"].unwritten == 3
    assert "image is (63, 160) uint8, expected (64, 160)" in found.told("unwritten")[0]
    assert len(found.told("unwritten")) == 2


def test_what_is_no_frame_ends_only_its_own_camera(lab: Any, tmp_path: Path) -> None:
    class Wild(LabCamera):
        def delivered(self, frame: Frame) -> Any:
            return frame if frame.block_id != 5 else "a frame"

    lab.classes["1"] = Wild
    found = record(settings_of(tmp_path / "rec", [UNPACED] * 2, seconds=0.5))
    assert found.exposures("Camera1") == [0, 1, 2, 3, 4]
    assert found.exposures("Camera2") == ALL
    (told,) = found.told("trouble", "Camera1")
    assert told.startswith("it failed: AttributeError: 'str' object has no attribute")


def test_a_camera_that_is_silent_or_hot_is_told_once(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hot(LabCamera):
        def health(self) -> Health:
            return Health(81.2)

    monkeypatch.setattr(guards, "SILENT_S", 0.2)
    lab.classes["2"] = Hot
    with recording(settings_of(tmp_path / "rec", 2, trigger="hardware")) as going:
        for name in ("Camera1", "Camera2"):
            going.until(lambda name=name: going.told("no frame for 0 s (it waits", name))
        going.until(lambda: going.pulsed(1))
        going.until(lambda: going.told("frames come again"))
        going.recorder.stop("enough")
    found = counted(going)
    assert [row["what"] for row in found.rows if row["camera"] == "Camera1"] == [
        "no frame for 0 s (it waits for pulses at its line)",
        "frames come again",
    ]
    assert found.told("trouble", "Camera2")[0] == "it is 81 °C hot"
    assert found.counts["Camera2"].temperature_c == 81.2


def test_the_last_frame_may_take_as_long_as_its_exposure(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Long(LabCamera):
        held: Frame | None = None

        def grab(self, timeout_s: float) -> Frame | None:
            self.held = frame = self.held or super().grab(timeout_s)
            with self._changed:
                if frame is None or self._clock.now_ns() - frame.host_ns < 400_000_000:
                    self._changed.wait(0.02)
                    return None
            self.held = None
            return frame

    monkeypatch.setattr(running, "LAST_PULSE_S", 0.1)
    lab.classes["1"] = Long
    found = record(settings_of(tmp_path / "rec", 1, trigger="software", fps=2, seconds=0.5))
    assert found.exposures("Camera1") == [0]
