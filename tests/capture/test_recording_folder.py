"""A folder that was recorded opens with its sync, also when the program was killed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from napari_sdannce.capture.cameras import CameraInfo, Format, PixelLayout
from napari_sdannce.capture.clock import ClockFit
from napari_sdannce.capture.codecs import encoding_of, footage_of
from napari_sdannce.capture.frame_records import (
    RECORDS_FILE,
    FrameRecord,
    FrameRecordFile,
    FrameStatus,
)
from napari_sdannce.capture.recording_file import (
    RECORDING_FILE,
    CameraEntry,
    CheckEntry,
    ClockEntry,
    EventEntry,
    RecordingFile,
    SyncEntry,
    read_recording_file,
    software_versions,
    write_recording_file,
)
from napari_sdannce.capture.recording_folder import camera_folder, write_sync
from napari_sdannce.capture.sync_table import SyncRules
from napari_sdannce.capture.video_file import CameraVideoWriter
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.files.project_file import read_project, write_project
from napari_sdannce.settings.capture import CaptureSettings, EncodingSettings
from napari_sdannce.video import RecordingVideo

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from numbered_clips import HEIGHT, WIDTH, frame_code, read_code

NAMES = ("Camera2", "Camera10", "Camera1")
LOST = {"Camera2": {5}, "Camera10": {0, 30, 31}, "Camera1": {59}}
DROPPED = {"Camera2": {20}, "Camera10": set[int](), "Camera1": {20, 21}}
IN_ALL = [n for n in range(60) if n not in {0, 5, 20, 21, 30, 31, 59}]
RULES = SyncRules(50)
STEP_NS = 20_000_000


def record(folder: Path) -> None:
    """Record 60 pulses with three cameras; every image shows the number of its pulse."""
    encoding = encoding_of("libx264", EncodingSettings())
    footage = footage_of(Format(WIDTH, HEIGHT, PixelLayout.MONO), 50)
    for i, name in enumerate(NAMES):
        place = camera_folder(folder, name)
        place.mkdir(parents=True)
        with (
            CameraVideoWriter(
                place, PixelLayout.MONO, footage, encoding, frames_per_file=25
            ) as video,
            FrameRecordFile(place) as records,
        ):
            for pulse in sorted(set(range(60)) - LOST[name]):
                dropped = pulse in DROPPED[name]
                time_ns = pulse * STEP_NS
                frame = None if dropped else video.write(frame_code(pulse), time_ns // 1000)
                status = FrameStatus.DROPPED if dropped else FrameStatus.OK
                host_ns = 10**15 + time_ns + i * 100_000
                records.add(
                    FrameRecord(pulse, frame, pulse, time_ns, host_ns, 10**18, status=status)
                )


def shown(folder: Path) -> list[list[int | None]]:
    """Pulse that each camera shows at each moment of a folder."""
    with RecordingVideo(open_recording(folder), color="gray") as video:
        assert video.all_problems == ()
        return [
            [None if image is None else read_code(image) for image in video.read(moment)]
            for moment in range(len(video))
        ]


def test_the_folder_opens_with_its_sync(tmp_path: Path) -> None:
    record(tmp_path)
    report = write_sync(tmp_path, NAMES, RULES)
    recording = open_recording(tmp_path)
    assert recording.names == NAMES
    assert recording.fps == 50
    assert recording.problems == ()
    assert recording.sync is not None
    assert recording.sync.sample_ids.tolist() == [n * 20 + 1 for n in IN_ALL]
    assert shown(tmp_path) == [[n] * 3 for n in IN_ALL]
    assert report.n_moments == len(IN_ALL)
    assert [camera.n_frames for camera in report.cameras] == [58, 57, 57]


def test_it_opens_wherever_it_is_moved(tmp_path: Path) -> None:
    record(tmp_path / "a")
    write_sync(tmp_path / "a", NAMES, RULES)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len(shown(tmp_path / "b")) == len(IN_ALL)


def test_other_rules_make_another_sync_and_keep_the_rest(tmp_path: Path) -> None:
    record(tmp_path)
    write_sync(tmp_path, NAMES, RULES)
    project = read_project(tmp_path).model_copy(update={"skeleton": "rat23"})
    write_project(tmp_path, project, overwrite=True)
    report = write_sync(tmp_path, NAMES, SyncRules(50, least_cameras=2, missing="mark"))
    assert report.n_incomplete == 1  # pulse 20
    found = shown(tmp_path)
    assert [n for row in found for n in {*row} - {None}] == [n for n in range(60) if n != 20]
    recording = open_recording(tmp_path)
    assert recording.skeleton is not None
    assert recording.skeleton.name == "rat23"


def test_frames_that_the_video_lost_are_in_no_moment(tmp_path: Path) -> None:
    """As after a kill: more frames noted than written, and the last line torn."""
    record(tmp_path)
    place = camera_folder(tmp_path, "Camera1")
    last = max(place.glob("*.mp4"), key=lambda path: int(path.stem))
    assert last.name == "50.mp4"
    last.unlink()
    text = (place / RECORDS_FILE).read_text()
    (place / RECORDS_FILE).write_text(text + "58,57,58,11600")
    report = write_sync(tmp_path, NAMES, RULES)
    # frame 49 is pulse 51: two were dropped before it
    assert shown(tmp_path) == [[n] * 3 for n in IN_ALL if n <= 51]
    assert report.cameras[2].n_frames == 50


def test_a_camera_without_a_video_is_told(tmp_path: Path) -> None:
    record(tmp_path)
    for path in camera_folder(tmp_path, "Camera2").glob("*.mp4"):
        path.unlink()
    report = write_sync(tmp_path, NAMES, RULES)
    assert "Camera2 recorded nothing" in report.problems
    with RecordingVideo(open_recording(tmp_path), color="gray") as video:
        images = video.read(3)
    assert images[0] is None
    assert images[1] is not None


def test_nothing_in_common_still_opens(tmp_path: Path) -> None:
    record(tmp_path)
    for name in NAMES:
        for path in camera_folder(tmp_path, name).glob("*.mp4"):
            path.unlink()
    report = write_sync(tmp_path, NAMES, RULES)
    assert report.n_moments == 0
    assert not (tmp_path / "sync.csv").exists()
    assert open_recording(tmp_path).names == NAMES


def test_missing_times_are_an_error(tmp_path: Path) -> None:
    record(tmp_path)
    (camera_folder(tmp_path, "Camera1") / RECORDS_FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"Camera1.frametimes\.csv"):
        write_sync(tmp_path, NAMES, RULES)


def make_recording(tmp_path: Path) -> RecordingFile:
    settings = CaptureSettings.model_validate(
        {
            "folder": tmp_path,
            "cameras": [
                {"name": "Camera1", "serial": "4711", "features": {"BlackLevel": 2.5, "LUT": True}}
            ],
            "fps": 100,
            "trigger": "hardware",
            "board": {"port": "COM3", "pins": [1, 2]},
        }
    )
    info = CameraInfo("basler", "4711", "acA1920")
    camera = CameraEntry.of("Camera1", info, Format(1152, 1024, PixelLayout.BAYER_RG, 150.0))
    return RecordingFile(
        began=datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
        settings=settings,
        software=software_versions(),
        cameras=(camera,),
        checks=(CheckEntry(name="room on the disk", passed=True, message="900 GB"),),
    )


def test_the_file_of_a_recording_is_read_back(tmp_path: Path) -> None:
    begun = make_recording(tmp_path)
    write_recording_file(tmp_path, begun)
    assert read_recording_file(tmp_path) == begun
    assert not begun.is_finished
    assert begun.software["python"].count(".") == 2
    assert begun.software["av"]

    fit = ClockFit("camera", 5, 10**15, 37.25, 1e5, 2e6, 1000)
    ended = begun.model_copy(
        update={
            "ended": datetime(2026, 11, 28, 10, 0, tzinfo=UTC),
            "ended_by": "asked to",
            "cameras": (
                begun.cameras[0].model_copy(
                    update={"clock": ClockEntry.of(fit), "frames": {"ok": 999, "dropped": 1}}
                ),
            ),
            "events": (
                EventEntry(
                    utc=datetime(2026, 11, 28, 9, 31, 2, 500, tzinfo=UTC),
                    what="the queue was full",
                    camera="Camera1",
                    frame=17,
                ),
            ),
            "sync": SyncEntry(n_moments=999, sample_ids="milliseconds", problems=("a", "a")),
        }
    )
    with pytest.raises(FileExistsError):
        write_recording_file(tmp_path, ended)
    write_recording_file(tmp_path, ended, overwrite=True)
    found = read_recording_file(tmp_path / RECORDING_FILE)
    assert found == ended
    assert found.is_finished


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("passed: true", "passed: perhaps", "'checks.0.passed' is not valid"),
        ("fps: 100.0", "fps: -1", "'settings.fps' is not valid"),
        ("began:", "begun:", "'begun' is not known"),
        ("layout: bayer_rg", "layout: rggb", "'cameras.0.format.layout' is not valid"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_key_and_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    path = write_recording_file(tmp_path, make_recording(tmp_path))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(FileFormatError, match=f"line {line}: {told}"):
        read_recording_file(tmp_path)
