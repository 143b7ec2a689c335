"""Making recordings in tests, and counting every frame of them."""

from __future__ import annotations

import csv
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.capture.frame_records import NONE, FrameStatus
from napari_sdannce.capture.recorder.counts import CameraState
from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.capture.recording_file import read_recording_file
from napari_sdannce.capture.recording_folder import camera_folder, read_camera_records
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.settings.capture import CaptureSettings
from napari_sdannce.synthetic.stamp import read_stamp
from napari_sdannce.video import CameraVideo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_sdannce.capture.frame_records import FrameRecords
    from napari_sdannce.capture.newest import NewestFrames
    from napari_sdannce.capture.recorder.counts import CameraCounts
    from napari_sdannce.capture.recording_file import RecordingFile

PATIENCE_S = 30.0
SMALL = {"width": 160, "height": 64}
LARGE = {"width": 2048, "height": 2048, "pixel_format": "RGB8"}
"""Of which five fill the least memory that may be set."""
UNPACED = {"features": {"paced": False}}
"""Frames come as fast as they are taken."""
OURS = ("grab ", "encode ", "trigger")
"""How the names of the recorder's threads begin."""


def settings_of(
    folder: Path, cameras: int | list[dict[str, Any]] = 2, **settings: Any
) -> CaptureSettings:
    """Settings of a recording of small test patterns.

    Parameters
    ----------
    folder
        Of the recording.
    cameras
        How many, or what each has besides.
    settings
        Of the recording.
    """
    differ: list[dict[str, Any]] = [{}] * cameras if isinstance(cameras, int) else cameras
    each = [
        {"name": f"Camera{i}", "back_end": "lab", "serial": f"{i}"} | SMALL | camera
        for i, camera in enumerate(differ, start=1)
    ]
    usual = {"fps": 50, "keep_free_gb": 0, "encoding": {"codec": "libx264"}, "cameras": each}
    return CaptureSettings.model_validate(usual | {"folder": folder} | settings)


def our_threads() -> list[str]:
    """Threads of recorders that are alive."""
    return [each.name for each in threading.enumerate() if each.name.startswith(OURS)]


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)


@dataclass
class Session:
    """A recording that goes on in a thread.

    Parameters
    ----------
    rig, recorder
        That make it.
    """

    rig: Rig
    recorder: Recorder
    error: BaseException | None = None
    threads: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Record; what went wrong is kept."""
        try:
            self.recorder.run()
        except BaseException as error:  # noqa: BLE001 - raised by the thread that tests
            self.error = error

    def camera(self, name: str) -> Any:
        """A camera itself, past the recorder."""
        return next(each.camera for each in self.rig.cameras if each.name == name)

    def counts(self, name: str) -> CameraCounts:
        """Frames of a camera now."""
        return next(each for each in self.recorder.status().cameras if each.name == name)

    def grabbed(self, *names: str) -> int:
        """Frames that each of these cameras, or each of all, has delivered at least."""
        cameras = self.recorder.status().cameras
        return min(
            (each.grabbed for each in cameras if each.name in (names or each.name)), default=0
        )

    def pulsed(self, n_frames: int, *names: str) -> bool:
        """Whether each camera has delivered so many; those with pulses at a line get another."""
        for each in self.rig.cameras:
            each.camera.pulse()
        return self.grabbed(*names) >= n_frames

    def told(self, what: str, camera: str = "") -> bool:
        """Whether something was told so far, of a camera where one is named."""
        events = self.recorder.status().events
        return any(what in each.what and camera in ("", each.camera) for each in events)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, as long as the recording goes on."""
        until(lambda: is_so() or self.error is not None)
        assert self.error is None, self.error

    def until_grabbed(self, n_frames: int, *names: str) -> None:
        """Wait until each camera has delivered so many frames."""
        self.until(lambda: self.grabbed(*names) >= n_frames)


@contextmanager
def recording(settings: CaptureSettings, newest: NewestFrames | None = None) -> Iterator[Session]:
    """Record beside the block; after it, wait for the end, and raise what went wrong."""
    with Rig(settings) as rig:
        session = Session(rig, Recorder(rig, settings, newest))
        thread = threading.Thread(target=session.run, name="recorder under test")
        thread.start()
        try:
            yield session
        except BaseException:
            session.recorder.stop("the test failed")
            raise
        finally:
            thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the recording does not end"
    assert our_threads() == []
    if session.error is not None:
        raise session.error


def record(settings: CaptureSettings) -> Recorded:
    """Record to the end, and count every frame."""
    with recording(settings) as session:
        pass
    return counted(session)


@dataclass(frozen=True)
class Recorded:
    """What a recording left.

    Parameters
    ----------
    folder
        Of it.
    file
        Its ``recording.yaml``.
    counts, records
        Of each camera.
    rows
        Of ``events.csv``.
    """

    folder: Path
    file: RecordingFile
    counts: dict[str, CameraCounts]
    records: dict[str, FrameRecords]
    rows: list[dict[str, str]]

    def told(self, kind: str, camera: str = "") -> list[str]:
        """What the events of a kind say; of all cameras where none is named."""
        return [
            row["what"]
            for row in self.rows
            if row["kind"] == kind and camera in ("", row["camera"])
        ]

    def check(self, name: str) -> bool:
        """Whether a check passed."""
        return next(check.passed for check in self.file.checks if check.name == name)

    def exposures(self, name: str) -> list[int]:
        """What the stamps in a camera's video say, frame by frame."""
        return stamps(self.folder, name)


def counted(session: Session, *, is_stamped: bool = True) -> Recorded:
    """What a recording left, every frame of it accounted for, and in its place."""
    folder = session.recorder.settings.folder
    counts = {each.name: each for each in session.recorder.status().cameras}
    recorded = Recorded(
        folder,
        read_recording_file(folder),
        counts,
        {name: read_camera_records(folder, name) for name in counts},
        read_events(folder),
    )
    for name in counts:
        _account_for(recorded, name)
        if is_stamped:
            check_stamps(folder, name, recorded.records[name])
    assert recorded.file.is_finished
    assert [row["utc"] for row in recorded.rows if row["kind"] == "note"][-1] == recorded.rows[-1][
        "utc"
    ]
    return recorded


def read_events(folder: Path) -> list[dict[str, str]]:
    """Rows of ``events.csv``."""
    with (folder / "events.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def stamps(folder: Path, name: str) -> list[int]:
    """Number of the exposure that each frame of a camera's video shows."""
    view = next(view for view in open_recording(folder).views if view.name == name)
    if not view.videos:
        return []
    with CameraVideo(view, color="gray", threads=1) as video:
        assert video.problems == ()
        found = [read_stamp(video.read(i)) for i in range(video.n_frames)]
    assert None not in found
    return [stamp.exposure for stamp in found if stamp is not None]


def check_stamps(folder: Path, name: str, records: FrameRecords) -> None:
    """The video holds the frames of which it is noted, and no others."""
    assert stamps(folder, name) == records.block_id[records.in_file].tolist()


def n_lost(records: FrameRecords) -> int:
    """Exposures that a camera's own count leaves out."""
    assert (records.block_id != NONE).all()
    return int(records.block_id[-1]) + 1 - len(records) if len(records) else 0


def _account_for(recorded: Recorded, name: str) -> None:
    counts, records = recorded.counts[name], recorded.records[name]
    kept = (counts.encoded, counts.dropped, counts.failed, counts.unwritten)
    assert counts.grabbed == sum(kept) == len(records), counts
    assert counts.waiting == 0
    assert counts.unaccounted == 0
    assert records.recorder_index.tolist() == list(range(len(records)))
    assert records.file_frame[records.in_file].tolist() == list(range(counts.encoded))
    assert (np.diff(records.host_ns) >= 0).all()
    statuses = {str(status): records.count(status) for status in FrameStatus}
    written = statuses["ok"] + statuses["late"]
    left = (statuses["dropped"], statuses["failed"], statuses["unwritten"])
    assert (written, *left) == kept
    entry = next(each for each in recorded.file.cameras if each.name == name)
    assert entry.frames == {status: n for status, n in statuses.items() if n}
    told = {"lost": counts.lost, "dropped": left[0], "failed": left[1], "unwritten": left[2]}
    for kind, n in told.items():
        assert _n_told(recorded, name, kind) == n, kind
    assert _n_told(recorded, name, "late") >= statuses["late"]  # some were dropped as well
    is_whole = not counts.missing and counts.state is not CameraState.LOST
    assert recorded.check(f"{name}: nothing is missing") == is_whole
    assert recorded.check(f"{name}: every frame is accounted for")
    assert recorded.check(f"{name}: the video holds every frame that was written")


def _n_told(recorded: Recorded, name: str, kind: str) -> int:
    """Frames of which the events of a kind tell."""
    rows = [row for row in recorded.rows if (row["camera"], row["kind"]) == (name, kind)]
    return sum(int(row["count"]) for row in rows)


def video_files(folder: Path, name: str) -> list[str]:
    """Names of the video files of a camera, in their order."""
    files = camera_folder(folder, name).glob("*.mp4")
    return [path.name for path in sorted(files, key=lambda path: int(path.stem))]
