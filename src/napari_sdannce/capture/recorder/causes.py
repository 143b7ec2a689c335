"""Why frames were lost, as far as the SDK tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Camera

UNKNOWN = "lost between sensor and this computer"


class Causes:
    """Compares what an SDK counts of its stream before and after a loss.

    Parameters
    ----------
    camera
        That lost something.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
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
        try:
            return dict(self._camera.health().values)
        except CameraError:
            return {}


def _is_of_loss(name: str) -> bool:
    """Whether something that is counted stands for trouble, and not for frames that came."""
    words = ("fail", "lost", "skip", "under", "miss", "drop", "resend", "no_buffer", "error")
    return any(word in name.lower() for word in words)
