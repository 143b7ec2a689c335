"""Recordings that go as they should: every frame is counted, read back, and told of."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.recorder import running
from napari_sdannce.capture.recorder.counts import CameraState, RecorderState
from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.files.experiment import open_recording

sys.path.insert(0, str(Path(__file__).parent))
from lab_cameras import LabCamera
from recording_hands import (
    UNPACED,
    counted,
    record,
    recording,
    settings_of,
    stamps,
    video_files,
)

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Format, Frame


@pytest.mark.parametrize("trigger", ["free", "software"])
def test_seconds_give_exactly_so_many_frames(lab: Any, tmp_path: Path, trigger: str) -> None:
    found = record(settings_of(tmp_path / "rec", 3, trigger=trigger, seconds=0.5))
    for name in ("Camera1", "Camera2", "Camera3"):
        assert found.exposures(name) == list(range(25))
    assert found.file.ended_by == "its length was reached"
    assert found.told("note") == [
        "recording began: 3 cameras, 50 frames a second, 2 MB/s",
        "recording ended: its length was reached",
    ]


def test_the_folder_opens_with_the_frames_of_each_pulse_together(lab: Any, tmp_path: Path) -> None:
    found = record(settings_of(tmp_path / "rec", 2, trigger="software", seconds=0.3))
    recording_ = open_recording(tmp_path / "rec")
    assert recording_.problems == ()
    assert recording_.sync is not None
    assert recording_.sync.frames.tolist() == [[i, i] for i in range(15)]
    assert recording_.sync.sample_ids.tolist() == [20 * i + 1 for i in range(15)]
    assert all(check.passed for check in found.file.checks)
    assert found.file.sync is not None
    assert found.file.sync.n_moments == 15


def test_exposures_begin_with_pulses_at_a_line(lab: Any, tmp_path: Path) -> None:
    with recording(settings_of(tmp_path / "rec", 2, trigger="hardware")) as going:
        going.until(lambda: going.recorder.status().state is RecorderState.RECORDING)
        for _ in range(20):
            for camera in lab.opened:
                camera.pulse()
        going.until_grabbed(20)
        going.recorder.stop("enough")
    found = counted(going)
    assert found.exposures("Camera1") == found.exposures("Camera2") == list(range(20))
    assert found.file.ended_by == "enough"


def test_without_pulses_it_ends_at_once_when_it_is_stopped(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it waited for them, that nothing came is no fault of an encoder."""
    monkeypatch.setattr(running, "STILL_S", 0.3)
    with recording(settings_of(tmp_path / "rec", 2, trigger="hardware")) as going:
        going.until(lambda: going.recorder.status().seconds > 0.4)
        before_s = going.recorder.status().seconds
        going.recorder.stop("no pulses")
    assert going.recorder.status().seconds < before_s + 2
    found = counted(going)
    assert [row["kind"] for row in found.rows] == ["note", "note"]
    assert [each.state for each in found.counts.values()] == [CameraState.ENDED] * 2
    assert open_recording(tmp_path / "rec").names == ("Camera1", "Camera2")


@pytest.mark.parametrize(("split_s", "per_file"), [(0.05, 5), (0.07, 7), (0.11, 11), (0.001, 1)])
def test_files_are_split_exactly(lab: Any, tmp_path: Path, split_s: float, per_file: int) -> None:
    settings = settings_of(tmp_path / "rec", [UNPACED], fps=100, seconds=0.22, split_s=split_s)
    found = record(settings)
    assert found.exposures("Camera1") == list(range(22))
    assert video_files(found.folder, "Camera1") == [f"{i}.mp4" for i in range(0, 22, per_file)]


def test_cameras_of_all_kinds_and_sizes(lab: Any, tmp_path: Path) -> None:
    differ = [
        {"pixel_format": "BayerRG8"},
        {"pixel_format": "BayerGB8", "width": 640, "height": 480},
        {"pixel_format": "RGB8", "width": 131, "height": 33},
        {"pixel_format": "BGR8"},
        {"name": "Rat 1, left side", "width": 512, "height": 512},
    ]
    found = record(settings_of(tmp_path / "rec", differ, trigger="software", seconds=0.4))
    assert [camera.format.layout for camera in found.file.cameras if camera.format] == [
        *("bayer_rg", "bayer_gb", "rgb", "bgr", "mono"),
    ]
    for name in found.counts:
        assert found.exposures(name) == list(range(20))
    assert open_recording(found.folder).names == tuple(found.counts)


def test_a_camera_without_a_count(lab: Any, tmp_path: Path) -> None:
    class Uncounted(LabCamera):
        def delivered(self, frame: Frame) -> Frame:
            return replace(frame, block_id=None)

    lab.classes["2"] = Uncounted
    with recording(settings_of(tmp_path / "rec", 2, trigger="software", seconds=0.5)) as going:
        pass
    found = counted(going, is_stamped=False)
    assert stamps(found.folder, "Camera2") == list(range(25))
    sync = open_recording(found.folder).sync
    assert sync is not None
    assert len(sync) >= 24


def test_a_camera_that_begins_to_count_anew(lab: Any, tmp_path: Path) -> None:
    class Anew(LabCamera):
        def delivered(self, frame: Frame) -> Frame:
            assert frame.block_id is not None
            return replace(frame, block_id=frame.block_id % 10)

    lab.classes["2"] = Anew
    with recording(settings_of(tmp_path / "rec", 2, trigger="software", seconds=0.5)) as going:
        pass
    found = counted(going, is_stamped=False)
    assert stamps(found.folder, "Camera2") == list(range(25))
    assert found.told("trouble") == [
        f"it began to count anew at frame {i}; numbers go by time" for i in (10, 20)
    ]
    assert found.file.ended_by == "its length was reached"


def test_a_torn_frame_without_its_count_is_the_next_one(lab: Any, tmp_path: Path) -> None:
    """GigE cameras send none with a frame of which the beginning was lost."""

    class Torn(LabCamera):
        def delivered(self, frame: Frame) -> Frame:
            torn = replace(frame, image=None, block_id=None, trouble="torn")
            return torn if frame.block_id in (7, 19) else frame

    lab.classes["1"] = Torn
    with recording(settings_of(tmp_path / "rec", 1, trigger="software", seconds=0.5)) as going:
        pass
    found = counted(going, is_stamped=False)
    assert stamps(found.folder, "Camera1") == [i for i in range(25) if i not in (7, 19)]
    assert (found.counts["Camera1"].failed, found.counts["Camera1"].lost) == (2, 0)


def test_a_free_camera_that_is_slower_is_not_waited_for(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(LabCamera):
        def configure(self, *args: Any) -> Format:
            shown = super().configure(*args)
            self._period_ns *= 5
            return shown

    monkeypatch.setattr(running, "OTHERS_S", 0.3)
    lab.classes["2"] = Slow
    found = record(settings_of(tmp_path / "rec", 3, seconds=0.6))
    assert found.exposures("Camera1") == found.exposures("Camera3") == list(range(30))
    assert 5 <= found.counts["Camera2"].grabbed <= 20
    assert found.file.ended_by == "its length was reached, but not by Camera2"


def test_the_same_cameras_record_again(lab: Any, tmp_path: Path) -> None:
    first = settings_of(tmp_path / "a", 2, trigger="software", seconds=0.2)
    with Rig(first) as rig:
        for folder, trigger in (("a", "software"), ("b", "software"), ("c", "free")):
            again = first.model_copy(update={"folder": tmp_path / folder, "trigger": trigger})
            rig.set_up(again)
            Recorder(rig, again).run()
            assert stamps(tmp_path / folder, "Camera2") == list(range(10))


def test_who_looks_on_sees_frames_of_one_moment(lab: Any, tmp_path: Path) -> None:
    with recording(settings_of(tmp_path / "rec", 3, trigger="software", seconds=0.5)) as going:
        seen = []
        while not seen or seen[-1] < 24:
            after = seen[-1] if seen else -1
            found = going.recorder.newest.wait_for_set(after, timeout_s=10)
            assert found is not None
            assert {frame.block_id for frame in found.frames} == {found.moment}
            seen.append(found.moment)
    assert seen == sorted(set(seen))
