"""What becomes of the frames of one camera: numbered, queued, written, noted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError, CameraLostError
from napari_sdannce.capture.frame_queue import FrameQueue, QueuedFrame
from napari_sdannce.capture.frame_records import FrameStatus
from napari_sdannce.capture.numbering import Numbering
from napari_sdannce.capture.recorder.causes import Causes
from napari_sdannce.capture.recorder.counts import CameraCounts, CameraState
from napari_sdannce.capture.recorder.events import EventKind
from napari_sdannce.capture.recorder.frame_rate import FrameRate
from napari_sdannce.capture.recorder.writing import WriteThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.cameras import Frame
    from napari_sdannce.capture.numbering import NumberedFrame
    from napari_sdannce.capture.recorder.events import EventLog
    from napari_sdannce.capture.recorder.rig import RigCamera
    from napari_sdannce.capture.recorder.writing import Output

GONE = "the camera was not there any more"


class Track:
    """Records one camera; frames are taken in one thread and written in another.

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
        self.n_exposures = 0
        """Exposures up to the last frame that came, lost ones among them."""
        self._output = output
        self._events = events
        self._n_frames = n_frames
        self._look = look
        self._troubled = troubled
        self._numbering = Numbering(fps)
        self._queue = FrameQueue(output.queue_bytes)
        self._causes = Causes(camera)
        self._rate = FrameRate()
        self._state = CameraState.WAITING
        self._taken = 0
        self._lost = 0
        self._writing = WriteThread(
            self.name, output, self._queue, events, lambda error: troubled(self, error)
        )
        self._writing.start()

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
    def has_all(self) -> bool:
        """Whether all exposures that are wanted have come, or were lost on their way."""
        return self._n_frames is not None and self.n_exposures >= self._n_frames

    @property
    def can_write(self) -> bool:
        """Whether its video takes frames."""
        return not self._output.video.is_closed

    @property
    def seconds_still(self) -> float:
        """How long its encoder has done nothing, though frames wait."""
        return self._writing.seconds_still

    def armed(self) -> None:
        """The camera is armed, and frames are about to come."""
        self._causes.begin()

    def take(self, frame: Frame) -> bool:
        """Take the next frame of the camera; whether more are wanted."""
        if self.is_over:
            return False
        numbered = self._numbering.number(frame)
        if self._n_frames is not None and numbered.exposure >= self._n_frames:
            self.miss_after_last(self._n_frames)
            return False
        self._state = CameraState.RUNNING
        self.n_exposures = numbered.exposure + 1
        self._rate.add(frame.host_ns)
        queued = QueuedFrame(self._taken, frame, len(self._queue), self._status(numbered))
        self._taken += 1
        self._tell(numbered, queued)
        self._look(self.name, numbered)
        self._put(queued)
        return not self.has_all

    def miss_after_last(self, n_exposures: int) -> None:
        """Note exposures after the last frame, of this many, that never arrived."""
        missing = n_exposures - self.n_exposures
        if missing > 0:
            self.n_exposures = n_exposures
            self._miss(missing, self._taken)

    def end(self, failure: CameraError | None) -> None:
        """No more frames come; `failure`: the camera's own, if it failed."""
        if not self.is_over:
            self._state = CameraState.ENDED if failure is None else CameraState.LOST
        if failure is not None:
            kind = "" if isinstance(failure, CameraLostError) else "it failed: "
            self._events.trouble_with(self.name, f"{kind}{failure}")
        self._queue.close()

    def write_no_more(self, why: str) -> None:
        """Only note frames from here on."""
        self._writing.write_no_more(why)

    def join(self, still_s: float) -> bool:
        """Wait until all its frames are written; False when none was for so many seconds."""
        return self._writing.join(still_s)

    def flush(self) -> None:
        """Have the disk keep what was noted of its frames."""
        self._writing.flush()

    def counts(self, temperature_c: float | None = None) -> CameraCounts:
        """Its frames, in numbers."""
        became = self._writing.became.copy()
        return CameraCounts(
            self.name,
            self._state,
            grabbed=self._taken,
            encoded=became[FrameStatus.OK] + became[FrameStatus.LATE],
            dropped=became[FrameStatus.DROPPED],
            failed=became[FrameStatus.FAILED],
            unwritten=became[FrameStatus.UNWRITTEN],
            waiting=len(self._queue),
            lost=self._lost,
            late=became[FrameStatus.LATE],
            fps=self._rate.now(time.monotonic_ns()),
            fill=self._queue.fill,
            most_fill=self._queue.most_fill,
            n_bytes=self._output.video.n_bytes,
            temperature_c=temperature_c,
        )

    def _put(self, queued: QueuedFrame) -> None:
        if not len(self._queue):
            self._writing.wake()
        if not self._queue.put(queued):
            self._events.add(EventKind.DROPPED, "", self.name, queued.index)
            self._queue.put(queued.dropped)
            self._troubled(self, None)

    @staticmethod
    def _status(numbered: NumberedFrame) -> FrameStatus:
        if numbered.frame.image is None:
            return FrameStatus.FAILED
        return FrameStatus.LATE if numbered.late_periods else FrameStatus.OK

    def _tell(self, numbered: NumberedFrame, queued: QueuedFrame) -> None:
        """Note what is odd about a frame."""
        index = queued.index
        if numbered.lost_before:
            self._miss(numbered.lost_before, index)
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

    def _miss(self, count: int, index: int) -> None:
        """Note that exposures before frame `index` never arrived."""
        self._lost += count
        cause = GONE if self.is_lost else self._causes.of_loss()
        self._events.add(EventKind.LOST, cause, self.name, index, count)
