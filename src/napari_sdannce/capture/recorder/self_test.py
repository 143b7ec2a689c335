"""A short recording through the real pipeline, and what it says of each camera."""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.capture.recorder.counts import CameraState
from napari_sdannce.capture.recorder.guards import HOT_C
from napari_sdannce.capture.recorder.recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.capture.newest import NewestFrames
    from napari_sdannce.capture.recorder.counts import CameraCounts, RecorderStatus
    from napari_sdannce.capture.recorder.rig import Rig
    from napari_sdannce.capture.recording_file import RecordingFile
    from napari_sdannce.settings.capture import CaptureSettings

SECONDS = 10.0
SLOW = 0.98
"""A camera that gives less than this share of the frames a second is too slow."""
FULL = 0.5
"""A queue that was fuller than this says that encoders hardly follow."""
_TOLD = "the self-test is over"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the test says of a camera, or of the whole.

    Parameters
    ----------
    name
        Of the camera; empty: of the whole.
    passed
        Whether it is fit to record.
    words
        Why, and what to do.
    """

    name: str
    passed: bool
    words: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a self-test found.

    Parameters
    ----------
    verdicts
        One a camera, then those of the whole.
    seconds
        How long it recorded.
    bytes_per_second
        How fast the videos grew.
    hours_of_disk
        How long the disk would last at this rate; None when nothing was written.
    """

    verdicts: tuple[Verdict, ...]
    seconds: float
    bytes_per_second: float
    hours_of_disk: float | None

    @property
    def passed(self) -> bool:
        """Whether all is well."""
        return all(verdict.passed for verdict in self.verdicts)


def self_test(
    rig: Rig,
    settings: CaptureSettings,
    seconds: float,
    newest: NewestFrames | None = None,
) -> SelfTest:
    """Record for some seconds beside the folder that is meant, judge, and remove what was recorded.

    Raises
    ------
    CameraError, PrepareError, VideoError, TriggerBoardError, OSError
        When a recording can not even begin.
    """
    folder = settings.folder.absolute().parent / f".self-test-{secrets.token_hex(4)}"
    made = _make_parents(folder.parent)
    test = settings.model_copy(update={"folder": folder, "seconds": None})
    try:
        recorder = Recorder(rig, test, newest)
        recorder.begin()
        timer = threading.Timer(seconds, recorder.stop, [_TOLD])
        timer.start()
        try:
            recording = recorder.run()
        finally:
            timer.cancel()
            timer.join()
        return _judged(recorder.status(), recording, settings, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for each in made:
            each.rmdir()


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder and those above it; those that were made, the innermost first."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _judged(
    status: RecorderStatus, recording: RecordingFile, settings: CaptureSettings, seconds: float
) -> SelfTest:
    lasted = min(seconds, status.seconds)
    verdicts = [_of_camera(each, lasted, settings) for each in status.cameras]
    if status.ended_by != _TOLD:
        verdicts.append(Verdict("", False, f"it ended early: {status.ended_by}"))
    hours = status.seconds_of_disk / 3600 if status.seconds_of_disk else None
    if hours is not None and settings.seconds is not None and hours * 3600 < settings.seconds:
        verdicts.append(
            Verdict("", False, f"the disk lasts {hours:.1f} h, less than the recording shall")
        )
    if recording.sync is not None:
        verdicts += [Verdict("", False, problem) for problem in recording.sync.problems]
    return SelfTest(tuple(verdicts), status.seconds, status.bytes_per_second, hours)


def _of_camera(counts: CameraCounts, seconds: float, settings: CaptureSettings) -> Verdict:
    troubles = list(_troubles(counts, seconds, settings))
    well = f"{counts.fps:.1f} fps, {counts.grabbed} frames, none missing"
    return Verdict(counts.name, not troubles, "; ".join(troubles) or well)


def _troubles(counts: CameraCounts, seconds: float, settings: CaptureSettings) -> list[str]:
    """What is wrong with a camera, in words."""
    if not counts.grabbed:
        waits = settings.trigger == "hardware"
        return ["no frame came" + (": are there pulses at its line?" if waits else "")]
    told = []
    fps = (counts.grabbed + counts.lost) / seconds
    if fps < SLOW * settings.fps and settings.trigger != "hardware":
        told.append(f"only {fps:.1f} of {settings.fps:g} frames a second")
    if counts.lost:
        told.append(f"{counts.lost} exposures never arrived: cable, hub, or too much for the link")
    if counts.failed:
        told.append(f"{counts.failed} frames did not arrive whole: cable, hub, or link")
    if counts.dropped or counts.unwritten:
        n = counts.dropped + counts.unwritten
        told.append(f"{n} frames could not be written: a quicker codec, or a lower rate")
    elif counts.most_fill > FULL:
        told.append(
            f"its queue was {100 * counts.most_fill:.0f} % full: encoding hardly keeps up; "
            "a quicker codec, or a lower rate"
        )
    if counts.state is CameraState.LOST:
        told.append("it was lost on the way")
    if counts.temperature_c is not None and counts.temperature_c > HOT_C:
        told.append(f"it is {counts.temperature_c:.0f} °C hot")
    return told
