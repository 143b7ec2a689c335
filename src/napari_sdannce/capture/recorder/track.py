"""What becomes of the frames of one camera: numbered, queued, encoded, noted."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError, CameraLostError
from napari_sdannce.capture.frame_queue import FrameQueue, QueuedFrame
from napari_sdannce.capture.frame_records import FrameRecord, FrameStatus
from napari_sdannce.capture.numbering import Numbering
from napari_sdannce.capture.recorder.causes import Causes
from napari_sdannce.capture.recorder.counts import CameraCounts, CameraState
from napari_sdannce.capture.recorder.events import EventKind
from napari_sdannce.capture.recorder.frame_rate import FrameRate
from napari_sdannce.video import VideoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.cameras import Frame
    from napari_sdannce.capture.frame_records import FrameRecordFile
    from napari_sdannce.capture.numbering import NumberedFrame
    from napari_sdannce.capture.recorder.events import EventLog
    from napari_sdannce.capture.recorder.rig import RigCamera
    from napari_sdannce.capture.video_file import CameraVideoWriter


@dataclass(frozen=True, eq=False, slots=True)
class Output:
    """Where the frames of a camera go.

    Parameters
    ----------
    video
        Writes its video.
    records
        Writes what became of each frame.
    queue_bytes
        Bytes of images that may wait for the encoder.
    """

    video: CameraVideoWriter
    records: FrameRecordFile
    queue_bytes: int


class Track:
    """Records one camera; frames are taken in one thread and encoded in another.

    Every frame that is taken ends in the record of frames, in its order: those that are not in the
    video with why.

    Parameters
    ----------
    camera
        Whose frames.
    output
        Where they go.
    fps
        Frames a second.
    events
        Where trouble is noted.
    n_frames
        Exposures that are wanted; None: all that come.
    look
        Gets each frame with its number, for whoever looks on.
    troubled
        Called when frames had to be left out, or could not be written, with the error if there was
        one.
    """

    def __init__(
        self,
        camera: RigCamera,
        output: Output,
        fps: float,
        events: EventLog,
        *,
        n_frames: int | None,
        look: Callable[[str, NumberedFrame], None],
        troubled: Callable[[Track, Exception | None], None],
    ) -> None:
        self.name = camera.name
        self.output = output
        self.n_exposures = 0
        """Exposures up to the last frame that came, lost ones among them."""
        self._events = events
        self._n_frames = n_frames
        self._look = look
        self._troubled = troubled
        self._numbering = Numbering(fps)
        self._queue = FrameQueue(output.queue_bytes)
        self._causes = Causes(camera.camera)
        self._rate = FrameRate()
        self._state = CameraState.WAITING
        self._encoded_s = time.monotonic()
        self._taken = 0
        self._lost = 0
        self._became = dict.fromkeys(FrameStatus, 0)
        self._encoder = threading.Thread(
            target=self._encode, name=f"encode {self.name}", daemon=True
        )
        self._encoder.start()

    @property
    def is_over(self) -> bool:
        """Whether no more frames come."""
        return self._state in (CameraState.ENDED, CameraState.LOST)

    @property
    def is_lost(self) -> bool:
        """Whether the camera is not there any more."""
        return self._state is CameraState.LOST

    @property
    def fill(self) -> float:
        """Share of its queue that is taken."""
        return self._queue.fill

    @property
    def seconds_still(self) -> float:
        """How long its encoder has done nothing, though frames wait."""
        return time.monotonic() - self._encoded_s if len(self._queue) else 0.0

    def take(self, frame: Frame) -> bool:
        """Take the next frame of the camera; whether more are wanted."""
        numbered = self._numbering.number(frame)
        if self._n_frames is not None and numbered.exposure >= self._n_frames:
            return False
        self._state = CameraState.RUNNING
        self.n_exposures = numbered.exposure + 1
        self._rate.add(frame.host_ns)
        queued = QueuedFrame(self._taken, frame, len(self._queue), self._status(numbered))
        self._taken += 1
        self._tell(numbered, queued)
        self._look(self.name, numbered)
        if not self._queue.put(queued):
            self._events.add(EventKind.DROPPED, "", self.name, queued.index)
            self._queue.put(queued.dropped)
            self._troubled(self, None)
        return self._n_frames is None or numbered.exposure + 1 < self._n_frames

    def end(self, failure: CameraError | None) -> None:
        """No more frames come; `failure`: the camera's own, if it failed."""
        if not self.is_over:
            self._state = CameraState.ENDED if failure is None else CameraState.LOST
        if failure is not None:
            kind = "" if isinstance(failure, CameraLostError) else "it failed: "
            self._events.trouble_with(self.name, f"{kind}{failure}")
        self._queue.close()

    def join(self, still_s: float) -> bool:
        """Wait until all its frames are written; False when none was for so many seconds."""
        while self._encoder.is_alive():
            self._encoder.join(still_s / 10)
            if time.monotonic() - self._encoded_s > still_s:
                return False
        return True

    def flush(self) -> None:
        """Have the disk keep what was noted of its frames."""
        if self._encoder.is_alive():
            with suppress(OSError):  # of a full disk, who writes to it tells
                self.output.records.flush()

    def counts(self, temperature_c: float | None = None) -> CameraCounts:
        """Its frames, in numbers."""
        became = dict(self._became)
        written = became[FrameStatus.OK] + became[FrameStatus.LATE]
        return CameraCounts(
            self.name,
            self._state,
            grabbed=self._taken,
            encoded=written,
            dropped=became[FrameStatus.DROPPED],
            failed=became[FrameStatus.FAILED],
            unwritten=became[FrameStatus.UNWRITTEN],
            waiting=len(self._queue),
            lost=self._lost,
            late=became[FrameStatus.LATE],
            fps=self._rate.now(time.monotonic_ns()),
            fill=self._queue.fill,
            most_fill=self._queue.most_fill,
            n_bytes=self.output.video.n_bytes,
            temperature_c=temperature_c,
        )

    @staticmethod
    def _status(numbered: NumberedFrame) -> FrameStatus:
        if numbered.frame.image is None:
            return FrameStatus.FAILED
        return FrameStatus.LATE if numbered.late_periods else FrameStatus.OK

    def _tell(self, numbered: NumberedFrame, queued: QueuedFrame) -> None:
        """Note what is odd about a frame."""
        index = queued.index
        if numbered.lost_before:
            self._lost += numbered.lost_before
            cause = self._causes.of_loss()
            self._events.add(EventKind.LOST, cause, self.name, index, numbered.lost_before)
        if numbered.frame.image is None:
            self._events.add(EventKind.FAILED, numbered.frame.trouble, self.name, index)
        elif numbered.late_periods:
            by = f"{numbered.late_periods:.1f} periods after the one before"
            if numbered.frame.block_id is None:
                by += "; as this camera does not count, some may be lost"
            self._events.add(EventKind.LATE, by, self.name, index)
        if numbered.began_anew:
            told = f"it began to count anew at frame {index}; numbers go by time"
            self._events.trouble_with(self.name, told)

    def _encode(self) -> None:
        """Write frames until no more come; runs in a thread of its own."""
        while (queued := self._queue.get()) is not None:
            self._encoded_s = time.monotonic()
            status, file_frame = queued.status, None
            if queued.frame.image is not None:
                file_frame = self._written(queued)
                status = FrameStatus.UNWRITTEN if file_frame is None else status
            self._note(queued, status, file_frame)
            self._became[status] += 1
            self._encoded_s = time.monotonic()
        self._finish()

    def _written(self, queued: QueuedFrame) -> int | None:
        """Number in the video of a frame; None when it was not written."""
        frame = queued.frame
        assert frame.image is not None
        if self.output.video.is_closed:
            self._events.add(EventKind.UNWRITTEN, "", self.name, queued.index)
            return None
        time_ns = frame.host_ns if frame.camera_ns is None else frame.camera_ns
        try:
            return self.output.video.write(frame.image, time_ns // 1000)
        except (VideoError, OSError, ValueError) as error:
            self._events.add(EventKind.UNWRITTEN, str(error), self.name, queued.index)
            self._troubled(self, error)
            return None

    def _note(self, queued: QueuedFrame, status: FrameStatus, file_frame: int | None) -> None:
        frame = queued.frame
        record = FrameRecord(
            queued.index,
            file_frame,
            frame.block_id,
            frame.camera_ns,
            frame.host_ns,
            frame.utc_ns,
            queued.depth,
            status,
        )
        try:
            self.output.records.add(record)
        except OSError as error:
            self._troubled(self, error)

    def _finish(self) -> None:
        """Finish its files."""
        try:
            self.output.video.close()
        except VideoError as error:
            self._events.trouble_with(self.name, str(error))
        self.output.records.close()
