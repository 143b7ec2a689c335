"""A picture of the demo's result: of the window where one can be opened, else drawn without."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from napari_sdannce.demo_data import Summary, read_summary, write_summary
from napari_sdannce.files import open_recording
from napari_sdannce.overlay.render import write_overlay_picture

SECONDS = 120.0
"""How long the window may take."""
SCREEN = "-screen 0 1600x1000x24"


def add_picture(recording_folder: Path, out: Path) -> Summary:
    """Leave a picture in `out` and say in ``summary.json`` which kind it is."""
    path = out / "window.png"
    kind = "window"
    if not _screenshot(recording_folder, out, path):
        path, kind = out / "overlay.png", "overlay"
        write_overlay_picture(open_recording(recording_folder), out / "poses.zarr", path)
    summary = read_summary(out).model_copy(update={"picture": path.name, "picture_of": kind})
    write_summary(summary, out)
    return summary


def _screenshot(recording_folder: Path, out: Path, path: Path) -> bool:
    """Open the window in a child process, which a failing display may end without harm."""
    command = [sys.executable, "-m", __name__, str(recording_folder), str(out), str(path)]
    if importlib.util.find_spec("napari") is None or importlib.util.find_spec("qtpy") is None:
        return False
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        if shutil.which("xvfb-run") is None:
            return False
        command = ["xvfb-run", "-a", "-s", SCREEN, *command]
    environment = {**os.environ, "NAPARI_CONFIG": str(out / ".napari.yaml")}
    environment.pop("QT_QPA_PLATFORM", None)
    try:
        subprocess.run(command, env=environment, timeout=SECONDS, check=True, capture_output=True)
    except (subprocess.SubprocessError, OSError):
        return False
    finally:
        (out / ".napari.yaml").unlink(missing_ok=True)
    return path.is_file()


def main() -> None:
    """Open the window on a result, save what it looks like, and close it."""
    parser = argparse.ArgumentParser()
    for name in ("recording_folder", "out", "path"):
        parser.add_argument(name, type=Path)
    chosen = parser.parse_args()
    from napari_sdannce.widgets.demo_window import photograph

    photograph(chosen.recording_folder, chosen.out, chosen.path)


if __name__ == "__main__":
    main()
