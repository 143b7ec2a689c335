"""Recordings of cameras that fail in any way at any time: every frame is accounted for.

``SDANNCE_FUZZ_EXAMPLES=500`` looks at as many.
"""

from __future__ import annotations

import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.cameras import CameraError, CameraLostError
from napari_sdannce.capture.recorder import running
from napari_sdannce.capture.recorder.counts import RecorderState

sys.path.insert(0, str(Path(__file__).parent))
from lab_cameras import LabCamera
from recording_hands import Session, counted, recording, settings_of

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame

N_EXAMPLES = int(os.environ.get("SDANNCE_FUZZ_EXAMPLES", "8"))
FAULTS = (None, CameraError("asleep"), CameraLostError("unplugged"), RuntimeError("odd"))
METHODS = ("grab", "trigger", "health", "disarm")


def some_exposures(dice: random.Random) -> set[int]:
    """None, a few or many of the exposures of a recording."""
    share = dice.choice([0, 0, 0.1, 0.5])
    return {i for i in range(200) if dice.random() < share}


def some_kind(dice: random.Random) -> type[LabCamera]:
    """A kind of cameras that loses some exposures, delivers others torn, and may fail at one."""
    lost, torn, odd = (some_exposures(dice) for _ in range(3))
    fault, method, when = dice.choice(FAULTS), dice.choice(METHODS), dice.randint(0, 40)

    class Some(LabCamera):
        def arrives(self, number: int) -> bool:
            if fault is not None and number == when:
                self.raises[method] = fault
            return number not in lost

        def delivered(self, frame: Frame) -> Frame:
            if frame.image is not None and frame.block_id in odd:
                frame = replace(frame, image=frame.image[:-1])
            return replace(frame, image=None) if frame.block_id in torn else frame

    return Some


def some_camera(dice: random.Random) -> dict[str, Any]:
    return {
        "width": dice.choice([160, 320, 1024]),
        "height": dice.choice([64, 128, 768]),
        "features": {"paced": dice.random() < 0.7},
        "buffers": dice.choice([2, 8, 64]),
        "pixel_format": dice.choice(["Mono8", "RGB8", "BayerRG8"]),
    }


def some_settings(dice: random.Random) -> dict[str, Any]:
    return {
        "fps": dice.choice([20, 60, 100]),
        "seconds": dice.choice([None, 0.1, 0.4]),
        "trigger": dice.choice(["free", "software", "hardware"]),
        "when_behind": dice.choice(["drop", "stop"]),
        "memory_mb": 64,
        "encoding": {"codec": dice.choice(["libx264", "mjpeg", "ffv1"])},
        "split_s": dice.choice([None, 0.1, 0.33]),
    }


def is_enough(session: Session, seconds: float) -> bool:
    """Whether it has ended or lasts long enough; cameras with pulses at a line get another."""
    status = session.recorder.status()
    session.pulsed(0)
    return status.state is RecorderState.ENDED or status.seconds > seconds


@pytest.mark.parametrize("example", range(N_EXAMPLES))
def test_whatever_cameras_do(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: int
) -> None:
    monkeypatch.setattr(running, "OTHERS_S", 0.3)
    monkeypatch.setattr(running, "LAST_PULSE_S", 0.2)
    dice = random.Random(example)
    lab.classes |= {str(i): some_kind(dice) for i in range(1, 5)}
    cameras = [some_camera(dice) for _ in range(dice.randint(1, 4))]
    seconds = dice.choice([0, 0.2, 1])
    with recording(settings_of(tmp_path / "rec", cameras, **some_settings(dice))) as going:
        going.until(lambda: is_enough(going, seconds))
        going.recorder.stop("enough")
    counted(going)
