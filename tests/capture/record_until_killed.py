"""A program that records until it is killed: ``python record_until_killed.py FOLDER TRIGGER``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from recording_hands import settings_of

from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig

if __name__ == "__main__":
    camera = {"back_end": "synthetic", "width": 320, "height": 256}
    settings = settings_of(
        Path(sys.argv[1]), [camera] * 3, fps=60, trigger=sys.argv[2], split_s=0.5
    )
    with Rig(settings) as rig:
        Recorder(rig, settings).run()
