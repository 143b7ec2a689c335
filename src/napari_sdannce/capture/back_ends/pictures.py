"""Cameras without a sensor: pictures, shown at the times at which a camera would expose.

Replayed videos and synthetic cameras are such. Tests make others that fail: a subclass whose
`picture` raises, or some of whose exposures never arrive.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING

from napari_sdannce.capture.back_ends.refusing import (
    refuse_features,
    refuse_to_start,
    refuse_trigger,
)
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraLostError,
    Frame,
    Health,
    SettingRefusedError,
    Trigger,
)

if TYPE_CHECKING:
    from typing import ClassVar

    from napari_sdannce.capture.cameras import CameraInfo, Format, Image
    from napari_sdannce.settings.capture import CameraSettings

_SECOND = 1_000_000_000
Exposure = tuple[int, int]
"""Its number since arming, and its time, ns."""


class NotWholeError(Exception):
    """A picture that does not arrive whole; the message says why."""


class Clock:
    """Monotonic time of this computer, and waiting."""

    def now_ns(self) -> int:
        """Time, ns."""
        return time.monotonic_ns()

    def wait(self, changed: threading.Condition, nanoseconds: int) -> None:
        """Wait so long, or until something has changed."""
        changed.wait(nanoseconds / _SECOND)


class PictureCamera(ABC):
    """A camera that shows pictures.

    As with a real one, pictures wait in `buffers` until they are grabbed; those that find all
    buffers full are lost, and leave a gap in the count. With the feature ``paced: false`` there is
    no clock: the next picture is there whenever one is asked for.

    Parameters
    ----------
    clock
        Time, and waiting for it.
    """

    triggers: ClassVar[frozenset[Trigger]] = frozenset({Trigger.FREE, Trigger.SOFTWARE})
    features: ClassVar[tuple[str, ...]] = ("paced",)

    def __init__(self, info: CameraInfo, clock: Clock | None = None) -> None:
        self.info = info
        self._clock = clock or Clock()
        self._born_ns = self._clock.now_ns()
        self._changed = threading.Condition()
        self._trigger = Trigger.FREE
        self._period_ns = _SECOND
        self._is_paced = True
        self._buffers = 2
        self._waiting: deque[Exposure] = deque()
        self._count = 0
        self._n_lost = 0
        self._armed_ns = 0
        self._is_armed = False
        self._lost: CameraLostError | None = None

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def prepare(self, wanted: CameraSettings, fps: float) -> Format:
        """Make pictures as wanted; what they then are."""

    @abstractmethod
    def picture(self, number: int) -> Image:
        """A picture, the receiver's own.

        Raises
        ------
        NotWholeError
            When it does not arrive whole.
        CameraLostError
            When the camera is not there any more.
        """

    def arrives(self, number: int) -> bool:
        """Whether an exposure arrives at all."""
        return True

    def configure(self, wanted: CameraSettings, fps: float, trigger: Trigger) -> Format:
        """Set it up; what it then delivers."""
        refuse_trigger(str(self), trigger, self.triggers)
        refuse_features(str(self), wanted, self.features)
        self._is_paced = flag(str(self), wanted, "paced", default=True)
        shown = self.prepare(wanted, fps)
        self._trigger, self._buffers = trigger, wanted.buffers
        self._period_ns = round(_SECOND / fps)
        return shown

    def arm(self) -> None:
        """Make it ready: from here on every exposure is counted, the first one as 0."""
        with self._changed:
            self._check()
            self._waiting.clear()
            self._count = self._n_lost = 0
            self._armed_ns = self._clock.now_ns()
            self._is_armed = True

    def trigger(self) -> None:
        """Start one exposure."""
        with self._changed:
            self._check()
            refuse_to_start(str(self), self._trigger)
            if not self._is_armed:
                raise CameraError(f"{self} is not armed")
            self._expose_at(self._clock.now_ns())

    def pulse(self) -> None:
        """A pulse at its line: one exposure, if it waits for that."""
        with self._changed:
            if self._is_armed and self._trigger is Trigger.HARDWARE:
                self._expose_at(self._clock.now_ns())

    def grab(self, timeout_s: float) -> Frame | None:
        """Next frame in the order of exposure; None when there was none in time."""
        deadline = self._clock.now_ns() + round(timeout_s * _SECOND)
        exposure = self._next(deadline)
        while exposure is not None and not self.arrives(exposure[0]):
            exposure = self._next(deadline)
        return None if exposure is None else self._frame(exposure)

    def disarm(self) -> None:
        """Stop exposing; frames that were exposed can still be grabbed."""
        with self._changed:
            self._expose_until(self._clock.now_ns())
            self._is_armed = False
            self._changed.notify_all()

    def health(self) -> Health:
        """How many pictures wait, and how many found no buffer."""
        values = {"waiting": float(len(self._waiting)), "lost": float(self._n_lost)}
        return Health(values=values if self._lost is None else {})

    def close(self) -> None:
        """Let go of it."""
        self.disarm()

    def _next(self, deadline: int) -> Exposure | None:
        with self._changed:
            while True:
                self._check()
                now = self._clock.now_ns()
                self._expose_until(now)
                if self._waiting:
                    return self._waiting.popleft()
                if now >= deadline:
                    return None
                self._clock.wait(self._changed, min(deadline, self._due(deadline)) - now)

    def _frame(self, exposure: Exposure) -> Frame:
        number, time_ns = exposure
        image, trouble = None, ""
        try:
            image = self.picture(number)
        except NotWholeError as error:
            trouble = str(error)
        except CameraLostError as error:
            self._lost = error
            raise
        host_ns = self._clock.now_ns()
        return Frame(image, number, time_ns - self._born_ns, host_ns, time.time_ns(), trouble)

    def _due(self, never: int) -> int:
        """When the next exposure is, by the clock of this computer."""
        runs = self._is_armed and self._trigger is Trigger.FREE
        return self._armed_ns + self._count * self._period_ns if runs else never

    def _expose_until(self, now: int) -> None:
        """Make the exposures of a camera that runs free up to now."""
        if not self._is_armed or self._trigger is not Trigger.FREE:
            return
        if not self._is_paced:
            if not self._waiting:
                self._expose_at(self._due(now))
            return
        while self._due(now) <= now:
            self._expose_at(self._due(now))

    def _expose_at(self, time_ns: int) -> None:
        if len(self._waiting) < self._buffers:
            self._waiting.append((self._count, time_ns))
        else:
            self._n_lost += 1
        self._count += 1
        self._changed.notify_all()

    def _check(self) -> None:
        if self._lost is not None:
            raise self._lost


def flag(camera: str, wanted: CameraSettings, name: str, *, default: bool) -> bool:
    """A feature that is true or false."""
    value = wanted.features.get(name, default)
    if not isinstance(value, bool):
        raise SettingRefusedError(f"{camera}: {name} {value}: it takes true or false")
    return value
