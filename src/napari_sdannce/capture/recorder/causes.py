"""Why something went wrong, as far as anybody tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.trigger_board import TriggerBoardError

if TYPE_CHECKING:
    from napari_sdannce.capture.recorder.rig import RigCamera

UNKNOWN = "lost between sensor and this computer"
_IN_PLAIN_WORDS = (CameraError, TriggerBoardError, OSError, ValueError)
"""Errors of which the message alone says what is wrong."""


def in_words(error: BaseException) -> str:
    """What is told of an error; of one that nobody foresaw, also of which kind it is."""
    text, kind = str(error), type(error).__name__
    return text if text and isinstance(error, _IN_PLAIN_WORDS) else f"{kind}: {text}".rstrip(": ")


class Causes:
    """Compares what an SDK counts of its stream before and after a loss.

    Parameters
    ----------
    camera
        That may lose something.
    """

    def __init__(self, camera: RigCamera) -> None:
        self._camera = camera
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        """Compare with what is counted now; to be called when the camera is armed."""
        self._before = self._counted()

    def of_loss(self) -> str:
        """What the SDK has counted since it was last asked."""
        now = self._counted()
        risen = [
            f"{name} +{value - self._before.get(name, 0.0):g}"
            for name, value in now.items()
            if _is_of_loss(name) and value > self._before.get(name, 0.0)
        ]
        self._before = now
        return f"the SDK counts {', '.join(risen)}" if risen else UNKNOWN

    def _counted(self) -> dict[str, float]:
        return dict(self._camera.health().values)


def _is_of_loss(name: str) -> bool:
    """Whether something that is counted stands for trouble, and not for frames that came."""
    words = ("fail", "lost", "skip", "under", "miss", "drop", "resend", "no_buffer", "error")
    return any(word in name.lower() for word in words)
