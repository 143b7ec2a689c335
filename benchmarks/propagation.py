"""Labels carried along the sample recording: how far from the truth, how many lost, how long.

    python benchmarks/propagation.py [--steps 20] [--gap 20]

Keypoints are "clicked" where they are, in the views that see them, at some moments, and carried
from there. Keypoints lie inside the animals, and what is followed is their fur: no way is perfect.
"Left as it was" is how far the keypoints have gone meanwhile.
"""

from __future__ import annotations

import argparse

import numpy as np
from machine import print_machine
from timing import Clock, print_table

from napari_sdannce.demo_data import own_sample
from napari_sdannce.files import open_recording
from napari_sdannce.labeling import commands
from napari_sdannce.labeling.journal import Author
from napari_sdannce.labeling.propagating import Propagation
from napari_sdannce.labeling.session import LabelingSession
from napari_sdannce.labeling.session_folder import subject_of
from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.video import RecordingVideo

STARTS = (5, 40, 75, 110, 150)


def click(session: LabelingSession, moment: int, truth: dict[str, np.ndarray]) -> None:
    key = int(session.subject.sync.sample_ids[moment])
    labels = session.at(key)
    for view, camera in enumerate(session.subject.cameras):
        pixels = camera.project(truth["keypoints"][moment])
        for animal, keypoint in np.argwhere(truth["visibility"][view, moment]).tolist():
            place = pixels[animal, keypoint]
            labels = commands.place(labels, view, animal, keypoint, place, session.by)
    session.change("click", {key: labels})


def row(name: str, away: np.ndarray, still: np.ndarray) -> tuple[object, ...]:
    """Median and 90th percentile of errors (N,) mm, NaN where lost."""
    known = away[np.isfinite(away)]
    lost = float(np.isnan(away).mean())
    return name, float(np.median(known)), float(np.percentile(known, 90)), lost, still


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--gap", type=int, default=20)
    given = parser.parse_args()
    print_machine("numpy", "opencv-python-headless")
    folder = own_sample()
    truth = dict(np.load(folder / "truth.npz"))
    keypoints = truth["keypoints"]
    recording = open_recording(folder)
    subject = subject_of(recording, load_skeleton("rat23"), ("one", "two"))
    session = LabelingSession(subject, Author(name="benchmark", session="benchmark"))
    session.open()
    for start in STARTS:
        click(session, start, truth)
        click(session, start + given.gap, truth)
    shape = keypoints.shape[1:3]
    ahead = np.full((len(STARTS), given.steps, *shape), np.nan)
    gap = np.full((len(STARTS), given.gap - 1, *shape), np.nan)
    still = np.stack([keypoints[s + 1 : s + given.steps + 1] - keypoints[s] for s in STARTS])
    with RecordingVideo(recording) as video:
        propagation, clock = Propagation(session, video), Clock()
        for i, start in enumerate(STARTS):
            for t in propagation.from_moment(start, range(start + 1, start + given.steps + 1)):
                away = t.points_3d - keypoints[t.moment]
                ahead[i, t.moment - start - 1] = np.linalg.norm(away, axis=-1)
        spent = clock.read() / (len(STARTS) * given.steps)
        for i, start in enumerate(STARTS):
            for t in propagation.between(start, start + given.gap):
                away = t.points_3d - keypoints[t.moment]
                gap[i, t.moment - start - 1] = np.linalg.norm(away, axis=-1)
    print(f"{spent.wall:.0f} ms a moment of six cameras, decoding and all\n")
    moved = np.median(np.linalg.norm(still, axis=-1), axis=(0, 2, 3))
    steps = [step for step in (1, 5, 10, 20, 40) if step <= given.steps]
    rows = [row(f"{n} on", ahead[:, n - 1], float(moved[n - 1])) for n in steps]
    rows.append(row(f"middle of a gap of {given.gap}", gap[:, given.gap // 2 - 1], "-"))
    print_table(("moments", "median mm", "90 % mm", "lost", "left as it was, mm"), rows)


if __name__ == "__main__":
    main()
