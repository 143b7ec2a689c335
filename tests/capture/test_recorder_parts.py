"""Parts of the recorder, each for itself: what is told and when, what is compared, what is kept."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.capture.cameras import CameraError, Frame, Health
from napari_sdannce.capture.frame_records import NONE, FrameRecord, records_of
from napari_sdannce.capture.numbering import Numbering
from napari_sdannce.capture.recorder.causes import UNKNOWN, Causes, in_words
from napari_sdannce.capture.recorder.checks import lost_by_count
from napari_sdannce.capture.recorder.events import HEADER, Event, EventKind, EventLog
from napari_sdannce.capture.recorder.reserve import RESERVE_FILE, RESERVE_MB, Reserve
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.capture.recorder.track import Track
from napari_sdannce.capture.recorder.writing import WriteThread
from napari_sdannce.capture.rows import RowFile

sys.path.insert(0, str(Path(__file__).parent))
from lab_cameras import LabCamera
from recording_hands import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1_000_000_000


class Hand:
    """A clock that is set by hand."""

    ns = 10**18

    def __call__(self) -> int:
        return self.ns


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_what_happens_often_is_told_at_once_and_then_once_a_second(tmp_path: Path) -> None:
    clock = Hand()
    log = EventLog(tmp_path / "events.csv", clock)
    for i in range(250):
        log.add(EventKind.DROPPED, "", "Camera1", i)
        log.add(EventKind.LOST, "no buffer", f"Camera{i % 2}", i, 3)
        clock.ns += SECOND // 100
        log.tell_due()
    log.close()
    rows = rows_of(tmp_path / "events.csv")
    dropped = [(row["frame"], row["count"]) for row in rows if row["kind"] == "dropped"]
    assert dropped == [("0", "1"), ("1", "99"), ("100", "100"), ("200", "50")]
    for camera in ("Camera0", "Camera1"):
        lost = [
            int(row["count"]) for row in rows if (row["kind"], row["camera"]) == ("lost", camera)
        ]
        assert len(lost) == 4
        assert sum(lost) == 125 * 3
    assert rows[1]["what"] == "3 exposures never arrived: no buffer"
    assert {event.row for event in log.last} == {tuple(row.values()) for row in rows}
    times = [event.utc_ns for event in log.last]
    assert times == sorted(times)


def test_who_notes_something_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    log = EventLog(path)
    for i in range(10):
        log.note(f"note {i}")
        log.add(EventKind.LATE, "", "Camera1", i)
    assert path.read_text() == ",".join(HEADER) + "\n"
    assert len(log.last) == 11
    log.tell_due()
    assert len(rows_of(path)) == 11
    log.close()
    assert len(rows_of(path)) == 12
    log.note("long after the end")


def test_events_that_a_full_disk_did_not_take_are_written_later(
    tmp_path: Path, small_disk: Any
) -> None:
    path = tmp_path / "events.csv"
    log = EventLog(path)
    with small_disk():
        for i in range(2000):
            log.trouble_with("Camera1", f"trouble {i}, of a kind")
            log.tell_due()
    assert len(path.read_text()) <= 65536
    log.close()
    assert [row["what"] for row in rows_of(path)] == [
        f"trouble {i}, of a kind" for i in range(2000)
    ]


def test_events_that_can_not_be_written_at_all_are_told(tmp_path: Path, small_disk: Any) -> None:
    log = EventLog(tmp_path / "events.csv")
    with small_disk():
        for i in range(3000):
            log.note(f"note {i}")
        log.close()
    assert log.last[-1] == Event(
        log.last[-1].utc_ns, EventKind.TROUBLE, "3000 events are not in events.csv"
    )


def test_rows_are_there_whole_or_not_at_all(tmp_path: Path, small_disk: Any) -> None:
    with RowFile(tmp_path / "a.csv", "number") as rows:
        with small_disk():
            rows.add("1" * 60_000 + "\n")
            with pytest.raises(OSError, match=r"a\.csv"):
                rows.add("2" * 60_000 + "\n")
        rows.add("3\n")
    assert (tmp_path / "a.csv").read_text() == "number\n" + "1" * 60_000 + "\n3\n"
    with pytest.raises(FileExistsError):
        RowFile(tmp_path / "a.csv", "number")


class Counting(LabCamera):
    """A camera whose SDK counts what goes wrong."""

    values: dict[str, float]

    def health(self) -> Health:
        return Health(values=self.values)


def test_causes_are_what_an_sdk_has_counted_since_the_camera_was_armed(
    lab: Any, tmp_path: Path
) -> None:
    lab.classes["1"] = Counting
    with Rig(settings_of(tmp_path, 1)) as rig:
        (camera,) = rig.cameras
        counting = lab.opened[0]
        causes = Causes(camera)
        counting.values = {"Failed_Buffer_Count": 13, "Total_Buffer_Count": 500}
        causes.begin()
        assert causes.of_loss() == UNKNOWN
        counting.values = {"Failed_Buffer_Count": 15, "Total_Buffer_Count": 600, "lost": 1}
        assert causes.of_loss() == "the SDK counts Failed_Buffer_Count +2, lost +1"
        counting.values = {"Failed_Buffer_Count": 0}  # armed anew, it counts anew
        causes.begin()
        counting.values = {"Failed_Buffer_Count": 1}
        assert causes.of_loss() == "the SDK counts Failed_Buffer_Count +1"


def test_an_encoder_stands_still_only_while_frames_wait(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that come after a long pause find an encoder that had nothing to do."""
    monkeypatch.setattr(WriteThread, "start", lambda _: None)
    with Rig(settings_of(tmp_path, 1)) as rig:
        track = Track(
            rig.cameras[0],
            Silent(),
            50,
            EventLog(),
            n_frames=None,
            look=lambda *_: None,
            troubled=lambda *_: None,
        )
    track._writing._moved_s -= 40
    assert track.seconds_still == 0
    image = np.zeros((64, 160), np.uint8)
    track.take(Frame(image, 0, None, 0, 0))
    assert track.seconds_still < 1
    track._writing._moved_s -= 40
    track.take(Frame(image, 1, None, 0, 0))
    assert track.seconds_still > 39


class Silent:
    """An output of which nothing is asked."""

    queue_bytes = 10**6
    video = records = None


@given(st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=30))
def test_lost_exposures_are_counted_afterwards_as_they_were_told(blocks: list[int | None]) -> None:
    numbering = Numbering(100)
    frames = [Frame(None, block, None, i * 10_000_000, 0) for i, block in enumerate(blocks)]
    told = sum(numbering.number(frame).lost_before for frame in frames)
    rows = [
        FrameRecord(i, None, frame.block_id, None, frame.host_ns, 0)
        for i, frame in enumerate(frames)
    ]
    assert lost_by_count(records_of(rows), 100) == told


def test_records_without_a_count_tell_of_no_loss() -> None:
    rows = [FrameRecord(i, i, None, None, i * 50_000_000, 0) for i in range(9)]
    records = records_of(rows)
    assert (records.block_id == NONE).all()
    assert lost_by_count(records, 100) == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CameraError("camera 1 is gone"), "camera 1 is gone"),
        (OSError(28, "No space left on device", "a.csv"), "[Errno 28] No space left on device: 'a"),
        (KeyError("Width"), "KeyError: 'Width'"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ValueError(), "ValueError"),
    ],
)
def test_errors_are_told_in_words(error: Exception, told: str) -> None:
    assert in_words(error).startswith(told)


def test_a_reserve_takes_room_and_gives_it_back(
    tmp_path: Path, disk_of: Callable[[int], Path]
) -> None:
    disk = disk_of(2_000_000)
    Reserve(disk, 2_000_000)
    assert (disk / RESERVE_FILE).stat().st_size == 100_000
    Reserve(disk, 10**12).release()
    file = tmp_path / RESERVE_FILE
    reserve = Reserve(tmp_path, 10**12)
    assert file.stat().st_size == RESERVE_MB * 1_000_000
    assert file.stat().st_blocks * 512 >= RESERVE_MB * 1_000_000
    reserve.release()
    reserve.release()
    assert not file.exists()
