"""The bundled sample recording, and the demo: predict on it and compare with the truth.

``python -m napari_sdannce.demo_data OUT`` predicts and measures, and writes one JSON object a line
about its progress; the demo's window runs it as a child process, so that it stays awake.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict

from napari_sdannce.settings.events import Event, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_sdannce.poses import Poses

SUMMARY = "summary.json"
PACKAGES = ("napari-sdannce", "numpy", "torch", "napari", "av", "zarr")


class Summary(BaseModel):
    """What the demo found; written as ``summary.json``. None: nothing was found to compare."""

    model_config = ConfigDict(frozen=True)

    frames: int
    cameras: int
    animals: int
    keypoints: int
    mean_error_mm: float | None
    """Mean distance between predicted and true keypoints, over all that were predicted."""
    median_error_mm: float | None
    com_error_mm: float | None
    found: float
    """Share of keypoints that were predicted."""
    error_per_keypoint_mm: dict[str, float | None]
    frames_per_second: float
    seconds: float
    device: str
    weights: dict[str, str]
    versions: dict[str, str]
    picture: str | None = None
    picture_of: str | None = None
    """``window``: a screenshot of napari. ``overlay``: drawn without a window."""


class Weights(BaseModel):
    """The two networks of the demo."""

    model_config = ConfigDict(frozen=True)

    com: Path
    pose: Path


def sample_folder() -> Path:
    """Folder of the sample recording: two rats, six cameras.

    Raises
    ------
    FileNotFoundError
        When the sample did not come with this installation.
    """
    return _sample("two_rats", "the sample recording")


def own_sample() -> Path:
    """Copy of the sample recording among a person's data, where results may lie beside it.

    Made the first time, and anew for another version of the program.

    Raises
    ------
    FileNotFoundError
        When the sample did not come with this installation.
    OSError
        When it can not be copied.
    """
    sample = sample_folder()
    goal = user_data_path("napari-sdannce", appauthor=False) / _own_version() / sample.name
    if not goal.is_dir():
        goal.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=goal.parent) as draft:
            whole = shutil.copytree(sample, Path(draft) / sample.name)
            try:
                whole.rename(goal)
            except OSError:
                if not goal.is_dir():  # else another window was quicker
                    raise
    return goal


def sample_weights() -> Weights:
    """Weights trained for the sample: the COM network and the pose network.

    Raises
    ------
    FileNotFoundError
        When they did not come with this installation.
    """
    folder = _sample("weights", "the trained weights of the demo")
    found = {}
    for kind, pattern in (("com", "com*.safetensors"), ("pose", "dannce*.safetensors")):
        there = sorted(folder.glob(pattern))
        if not there:
            raise FileNotFoundError(
                f"the trained weights of the demo are not in this installation: no {pattern} in "
                f"{folder}; the recording can be looked at without them"
            )
        found[kind] = there[0]
    return Weights(com=found["com"], pose=found["pose"])


def _sample(name: str, what: str) -> Path:
    folder = Path(str(files("napari_sdannce"))) / "sample_data" / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{what} did not come with this installation (no {folder})")
    return folder


def run_demo(
    *,
    headless: bool = False,
    out: Path | None = None,
    frames: int | None = None,
    device: str = "cpu",
    weights: Weights | None = None,
    report: Callable[[Event], None] | None = None,
) -> Summary | None:
    """Predict the poses of the sample recording and show them beside the truth.

    Parameters
    ----------
    headless
        Without a window: predict, measure, and leave everything in `out`.
    out
        Folder for the predictions (``com.zarr``, ``poses.zarr``, their ``.mat`` files),
        ``summary.json`` and a picture. Default: a new folder in the system's temporary one.
    frames
        How many frames; None: all.
    device
        Where the networks run.
    weights
        Other networks than the bundled ones.
    report
        Called with every event of the prediction, headless only.

    Returns
    -------
    Summary or None
        What was measured; None when a window was opened (it measures by itself).

    Raises
    ------
    FileNotFoundError
        When the sample, or (headless) its weights, did not come with this installation.
    """
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="sdannce-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not headless:
        from napari_sdannce.widgets.demo_window import open_demo

        open_demo(sample_folder(), folder, prediction_arguments(folder, frames, device, weights))
        return None
    chosen = weights or sample_weights()
    for event in predict_sample(sample_folder(), chosen, folder, frames, device):
        if report is not None:
            report(event)
    from napari_sdannce.widgets.demo_picture import add_picture

    return add_picture(sample_folder(), folder)


def prediction_arguments(
    out: Path, frames: int | None, device: str, weights: Weights | None
) -> list[str]:
    """Arguments for Python that predict in a process of its own (see `main`)."""
    arguments = ["-m", "napari_sdannce.demo_data", str(out), "--device", device]
    if frames is not None:
        arguments += ["--frames", str(frames)]
    if weights is not None:
        arguments += ["--weights", str(weights.com), str(weights.pose)]
    return arguments


def predict_sample(
    recording_folder: Path, weights: Weights, out: Path, frames: int | None, device: str
) -> Iterator[Event]:
    """Predict COMs, then poses, into `out`, and write ``summary.json``.

    Yields
    ------
    Event
        Those of both predictions.
    """
    from napari_sdannce.files import open_recording
    from napari_sdannce.inference import predict_com, predict_dannce
    from napari_sdannce.settings.com import ComPredictSettings
    from napari_sdannce.settings.dannce import DanncePredictSettings

    recording = open_recording(recording_folder)
    started = time.monotonic()
    yield from predict_com(
        recording,
        ComPredictSettings(checkpoint=weights.com, output=out, count=frames, device=device),
    )
    yield from predict_dannce(
        recording,
        DanncePredictSettings(
            checkpoint=weights.pose, output=out, com=out / "com.zarr", count=frames, device=device
        ),
    )
    seconds = time.monotonic() - started
    summary = measure(recording_folder, out, weights, seconds, device)
    write_summary(summary, out)
    yield Message(text=in_words(summary))


def measure(
    recording_folder: Path, out: Path, weights: Weights, seconds: float, device: str
) -> Summary:
    """Compare predictions with the truth of a synthetic recording."""
    from napari_sdannce.predictions import open_predictions, read_com_trace

    poses = open_predictions(out / "poses.zarr")
    com = read_com_trace(out / "com.zarr")
    truth = np.load(recording_folder / "truth.npz", allow_pickle=False)
    error = errors_mm(poses, truth["keypoints"])
    com_error = np.linalg.norm(com.positions - truth["com"][com.sample_ids], axis=-1)
    per_keypoint = [_mean(error[..., k]) for k in range(error.shape[-1])]
    names = dict(zip(poses.keypoints, per_keypoint, strict=True))
    return Summary(
        frames=len(poses),
        cameras=len(truth["cameras"]),
        animals=len(poses.animals),
        keypoints=len(poses.keypoints),
        mean_error_mm=_mean(error),
        median_error_mm=float(np.nanmedian(error)) if np.isfinite(error).any() else None,
        com_error_mm=_mean(com_error),
        found=float(np.isfinite(error).mean()),
        error_per_keypoint_mm=names,
        frames_per_second=len(poses) / max(seconds, 1e-9),
        seconds=seconds,
        device=device,
        weights={"com": weights.com.name, "pose": weights.pose.name},
        versions={"python": platform.python_version(), **_versions()},
    )


def errors_mm(poses: Poses, truth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance (T, A, K) between predicted and true keypoints.

    Parameters
    ----------
    truth
        (N, A, K, 3) mm; sample id i is row i.
    """
    return np.asarray(np.linalg.norm(poses.positions - truth[poses.sample_ids], axis=-1))


def write_summary(summary: Summary, out: Path) -> None:
    """Write ``summary.json``."""
    (out / SUMMARY).write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_summary(out: Path) -> Summary:
    """Read ``summary.json``."""
    return Summary.model_validate_json((out / SUMMARY).read_text(encoding="utf-8"))


def in_words(summary: Summary) -> str:
    """The result in one sentence."""
    if summary.mean_error_mm is None or summary.median_error_mm is None:
        return f"No keypoint was found in {summary.frames} frames."
    return (
        f"Mean error {summary.mean_error_mm:.1f} mm (median {summary.median_error_mm:.1f} mm) over "
        f"{summary.animals} animals and {summary.frames} frames, {summary.found:.0%} of keypoints "
        f"found, {summary.frames_per_second:.1f} frames/s on {summary.device}."
    )


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


def _own_version() -> str:
    return _versions().get("napari-sdannce", "uninstalled")


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main(arguments: list[str] | None = None) -> int:
    """Predict as a child process: events as JSON lines, the last one an error when it failed."""
    parser = argparse.ArgumentParser(prog="napari_sdannce.demo_data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", type=Path, nargs=2, metavar=("COM", "POSE"), default=None)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.weights:
            weights = Weights(com=chosen.weights[0], pose=chosen.weights[1])
        else:
            weights = sample_weights()
        for event in predict_sample(
            sample_folder(), weights, chosen.out, chosen.frames, chosen.device
        ):
            sys.stdout.write(event.model_dump_json() + "\n")
            sys.stdout.flush()
    except (OSError, ValueError, ImportError) as error:
        sys.stdout.write(json.dumps({"event": "failed", "text": str(error)}) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
