"""Record for long near the limit of the machine: memory stays flat, every frame is accounted for.

    python benchmarks/soak.py [--minutes 10] [--cameras 6] [--fps 25] [--kind noise]

Other kinds: synthetic; basler, which needs PYLON_CAMEMU=6 for emulated cameras. A rate above what
the encoders can do is worth a run, too: what does not fit is left out, and counted.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import psutil
from encoding import images_of
from machine import print_machine
from noise_cameras import KIND, noise_cameras, settings_of
from timing import print_table

from napari_sdannce.capture.find_cameras import find_cameras
from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.settings.capture import CaptureSettings

EVERY_S = 30.0


def wanted(kind: str, folder: Path, count: int, fps: float, seconds: float) -> CaptureSettings:
    more = {"seconds": seconds, "memory_mb": 512}
    if kind == KIND:
        return settings_of(folder, count, fps, **more)
    found = [each for each in find_cameras().cameras if each.back_end == kind][:count]
    cameras = [
        {"name": f"Camera{n}", "back_end": kind, "serial": each.serial, "width": 1152,
         "height": 1024}
        for n, each in enumerate(found, start=1)
    ]  # fmt: skip
    values = {"folder": folder, "fps": fps, "keep_free_gb": 0, "cameras": cameras}
    return CaptureSettings.model_validate({**values, **more})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--fps", type=float, default=25)
    parser.add_argument("--kind", default=KIND)
    given = parser.parse_args()
    print_machine("av", "numpy", "pypylon")
    with tempfile.TemporaryDirectory() as folder, noise_cameras(images_of(None, 48, 1152, 1024)):
        settings = wanted(
            given.kind, Path(folder) / "rec", given.cameras, given.fps, 60 * given.minutes
        )
        with Rig(settings) as rig:
            recorder = Recorder(rig, settings)
            recorder.begin()
            ended = threading.Event()
            watch = threading.Thread(target=look, args=(recorder, ended))
            watch.start()
            recording = recorder.run()
            ended.set()
            watch.join()
    print_table(
        ("", "grabbed", "encoded", "left out", "failed", "unwritten", "lost", "unaccounted"),
        [
            (c.name, c.grabbed, c.encoded, c.dropped, c.failed, c.unwritten, c.lost, c.unaccounted)
            for c in recorder.status().cameras
        ],
    )
    for check in recording.checks:
        print(f"{'ok ' if check.passed else 'BAD'} {check.name} {check.message}")


def look(recorder: Recorder, ended: threading.Event) -> None:
    """Print memory, queues and frames now and then."""
    process, began = psutil.Process(), time.monotonic()
    print("minutes  memory MB  CPU %  slowest fps  fullest queue %  left out")
    process.cpu_percent()
    while not ended.wait(EVERY_S):
        counts = recorder.status().cameras
        print(
            f"{(time.monotonic() - began) / 60:7.1f}  {process.memory_info().rss / 1e6:9.0f}  "
            f"{process.cpu_percent():5.0f}  {min(c.fps for c in counts):11.1f}  "
            f"{100 * max(c.fill for c in counts):15.0f}  {sum(c.dropped for c in counts):8}",
            flush=True,
        )


if __name__ == "__main__":
    main()
