"""Six cameras for a while, near the limit of a small computer.

It takes ``SOAK_SECONDS``, 60 by default; `benchmarks/soak.py` takes more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_sdannce.files.experiment import open_recording
from napari_sdannce.synthetic.stamp import read_stamp
from napari_sdannce.video import CameraVideo

sys.path.insert(0, str(Path(__file__).parent))
from recording_hands import Recorded, counted, recording, settings_of

if TYPE_CHECKING:
    from napari_sdannce.recording import View

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
FPS = 50
CAMERA = {"width": 1152, "height": 1024}
MOST_GROWTH_MB = 100
"""Of memory, from a quarter of the time to its end, in which cameras deliver 354 MB a second: the
64 that may wait, and a little."""


def test_nothing_grows_and_every_frame_is_accounted_for(lab: Any, tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path / "rec", [CAMERA] * 6, fps=FPS, seconds=SECONDS, trigger="software", memory_mb=64
    )
    with recording(settings) as going:
        grown = []
        for share in (0.25, 0.5, 0.7, 0.9):
            going.until(lambda share=share: going.recorder.status().seconds > share * SECONDS)
            grown.append(psutil.Process().memory_info().rss / 1e6)
    found = counted(going, is_stamped=False)
    assert grown[-1] - grown[0] < MOST_GROWTH_MB
    for view in open_recording(found.folder).views:
        counts = found.counts[view.name]
        assert counts.grabbed + counts.lost == round(SECONDS * FPS)
        assert counts.most_fill <= 1
        shows_its_exposures(found, view)


def shows_its_exposures(found: Recorded, view: View) -> None:
    """Whether the video has all frames that were written, by some of them."""
    records = found.records[view.name]
    exposures = records.block_id[records.in_file]
    some = np.random.default_rng(0).choice(len(exposures), 20, replace=False)
    with CameraVideo(view, color="gray", threads=1) as video:
        video.inspect()
        assert video.n_frames == len(exposures)
        for i in sorted({0, len(exposures) - 1, *some.tolist()}):
            stamp = read_stamp(video.read(i))
            assert stamp is not None
            assert stamp.exposure == exposures[i]
