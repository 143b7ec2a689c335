"""Overlay videos: how many frames a second, and where the time goes.

    python benchmarks/overlay.py [--rounds 3] [--frames 100]

The sample recording (two rats, six cameras of 640 x 512 px) with its true keypoints and COMs: from
its files to a finished video. Decoding runs ahead in threads of its own, and so does the encoder.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import print_machine
from timing import median, print_table, take_turns

from napari_sdannce.demo_data import sample_folder
from napari_sdannce.files import open_recording
from napari_sdannce.overlay import Overlay, PoseMarks, render
from napari_sdannce.overlay.render import FAST
from napari_sdannce.predictions import Job, PoseChunk, PoseStore
from napari_sdannce.settings.render import RenderSettings
from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.video import Encoding, RecordingVideo, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.recording import Recording

LOOKS: dict[str, dict[str, object]] = {
    "six cameras, 1920 x 1024 px": {},
    "six cameras, zoomed to 400 mm": {"zoom": 400},
    "six cameras, 1200 x 640 px": {"width": 1200},
    "one camera, 640 x 512 px": {"cameras": ("Camera1",)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=100)
    options = parser.parse_args()
    print_machine("numpy", "opencv-python-headless", "av")
    recording = open_recording(sample_folder())
    with tempfile.TemporaryDirectory() as folder:
        store = true_poses(recording, Path(folder) / "poses.zarr", options.frames)

        def whole(look: dict[str, object]) -> Callable[[], object]:
            settings = RenderSettings.model_validate(
                {"predictions": store, "output": Path(folder) / "o.mp4", **look}
            )
            return lambda: list(render(recording, settings))

        spent = take_turns({name: whole(look) for name, look in LOOKS.items()}, options.rounds)
        middles = {name: median(found) / options.frames for name, found in spent.items()}
        rows = [(name, 1e3 / each.wall, each.wall, each.cpu) for name, each in middles.items()]
        print_table(("a video", "frames a second", "ms a frame", "CPU ms a frame"), rows)
        parts(recording, store, Path(folder) / "p.mp4", options.rounds)


def true_poses(recording: Recording, path: Path, count: int) -> Path:
    """Store of the truth."""
    truth = np.load(recording.folder / "truth.npz", allow_pickle=False)
    job = Job(animals=("rat1", "rat2"), keypoints=load_skeleton("rat23").keypoints)
    store = PoseStore.open_or_create(path, np.arange(count), job, chunk=count)
    keypoints = truth["keypoints"][:count]
    store.write(0, PoseChunk(keypoints, np.full(keypoints.shape[:3], 0.9), truth["com"][:count]))
    return path


def parts(recording: Recording, store: Path, path: Path, rounds: int, n: int = 20) -> None:
    """Time decoding, drawing and encoding of six cameras each by itself."""
    opened = PoseStore.open(store)
    with RecordingVideo(recording) as video:
        marks = PoseMarks(recording, video.sample_ids, opened.poses())
        overlay = Overlay(video, marks, opened.com())
        video.prefetch(range(n))
        video.wait_for_prefetch()
        pictures = [overlay.picture(i) for i in range(n)]

        def encode() -> None:
            height, width = pictures[0].shape[:2]
            with VideoWriter(path, width, height, 50, encoding=Encoding(options=FAST)) as writer:
                for picture in pictures:
                    writer.write(picture)

        ways: dict[str, Callable[[], object]] = {
            "decoding": lambda: list(video.frames(range(n))),
            "drawing": lambda: [overlay.picture(i) for i in range(n)],
            "encoding": encode,
        }
        spent = take_turns(ways, rounds)
    rows = [(name, median(s).wall / n, median(s).cpu / n) for name, s in spent.items()]
    print_table(("of it, 1920 x 1024 px", "ms a frame", "CPU ms a frame"), rows)


if __name__ == "__main__":
    main()
