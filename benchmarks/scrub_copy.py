"""Jumps to labelled moments: from the videos, and from a copy of these frames.

    python benchmarks/scrub_copy.py [--jumps 30] [--gop 250] [--around 2]

First the sample recording as it is (six cameras of 640x512 px), then six cameras of 1152x1024 px
that share a noisy clip with a keyframe every `gop` frames, as recorders write them. A jump reads
the images of all cameras at a moment; none is read twice, so that no cache helps.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import print_machine
from timing import Clock, Spent, median, print_table, timed
from video_decode import CAMERAS, write_noisy

from napari_sdannce.demo_data import own_sample
from napari_sdannce.files import open_recording
from napari_sdannce.labeling.scrub_copy import ScrubCopy
from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def long_gop(folder: Path, n: int, gop: int) -> Recording:
    write_noisy(folder / "clip.mp4", n, gop)
    views = []
    for number in range(CAMERAS):
        path = folder / f"{number}.mp4"
        path.hardlink_to(folder / "clip.mp4")
        views.append(View(f"Camera{number + 1}", (VideoFile(path),)))
    return Recording(folder, tuple(views))


def jumps(read: Callable[[int], object], moments: Sequence[int]) -> list[Spent]:
    """Time of each jump; the first, which opens the files, is left out."""
    return [timed(lambda m=m: read(m))[0] for m in moments][1:]


def measure(name: str, recording: Recording, n_jumps: int, around: int) -> list[tuple[object, ...]]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "copy"
        with RecordingVideo(recording) as video, ScrubCopy(folder, video) as copy:
            rng = np.random.default_rng(1)
            moments = rng.permutation(video.n_moments)[: n_jumps + 1].tolist()
            clock = Clock()
            n_copied = sum(1 for _ in copy.make(moments, around))
            made = clock.read()
        with RecordingVideo(recording) as video, ScrubCopy(folder, video) as copy:
            ways = {"videos": jumps(video.read, moments), "copy": jumps(copy.read, moments)}
        size = sum(file.stat().st_size for file in folder.rglob("*.jpg")) / 2**20
    print(
        f"{name}: {n_copied} moments copied in {made.wall / 1e3:.1f} s, "
        f"{made.wall / n_copied:.0f} ms each; {size:.0f} MB"
    )
    return [
        (
            f"{name}, {way}",
            median(spent).wall,
            float(np.percentile([each.wall for each in spent], 90)),
            median(spent).cpu,
        )
        for way, spent in ways.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jumps", type=int, default=30)
    parser.add_argument("--gop", type=int, default=250)
    parser.add_argument("--frames", type=int, default=500, help="length of the clip")
    parser.add_argument("--around", type=int, default=2)
    given = parser.parse_args()
    print_machine("av", "numpy", "opencv-python-headless")
    with tempfile.TemporaryDirectory() as place:
        rows = measure("sample", open_recording(own_sample()), given.jumps, given.around)
        clip = long_gop(Path(place), given.frames, given.gop)
        rows += measure(f"keyframe every {given.gop}", clip, given.jumps, given.around)
    print_table((f"a jump, {CAMERAS} cameras", "median ms", "90 % ms", "CPU ms"), rows)


if __name__ == "__main__":
    main()
