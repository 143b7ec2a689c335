"""Make recordings of rendered rats: ``python -m napari_sdannce.synthetic``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations

import typer

from napari_sdannce.synthetic.scene import random_scene, two_rats
from napari_sdannce.synthetic.write import write_recording

app = typer.Typer(add_completion=False, help="Make recordings of rendered rats, with the truth.")

SAMPLE_LABELS = 40
SAMPLE_QUALITY = 22


@app.command("two_rats")
def make_two_rats(out: Path) -> None:
    """Make the sample data: two rats, six cameras."""
    write_recording(out, two_rats(), n_labels=SAMPLE_LABELS, quality=SAMPLE_QUALITY)


@app.command("recording")
def make_recording(
    out: Path,
    seed: int = 0,
    frames: int = 500,
    cameras: int = 6,
    animals: int = 2,
    labels: int = 50,
    unmarked: bool = False,
) -> None:
    """Make a recording to train on: other rats, other cameras, other paths for each seed."""
    scene = random_scene(frames, animals, cameras, marked=not unmarked, seed=seed)
    write_recording(out, scene, n_labels=labels)


if __name__ == "__main__":
    app()
