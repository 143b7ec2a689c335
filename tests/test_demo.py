"""The demo, with untrained networks: that everything is done and said, not how well."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce import demo_data
from napari_sdannce.demo_data import (
    Summary,
    Weights,
    errors_mm,
    in_words,
    read_summary,
    run_demo,
    sample_folder,
)
from napari_sdannce.poses import Poses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari

torch = pytest.importorskip("torch")

FRAMES = 3


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Tiny networks with fresh weights."""
    from napari_sdannce.models.checkpoints import CheckpointInfo, build_network, save_checkpoint
    from napari_sdannce.models.com import ComConfig
    from napari_sdannce.models.dannce import DannceConfig
    from napari_sdannce.settings.com import ComImageSettings
    from napari_sdannce.settings.volume import VolumeSettings
    from napari_sdannce.skeletons import load_skeleton

    folder = tmp_path_factory.mktemp("weights")
    com = ComConfig(n_animals=2, width=1)
    about_com = CheckpointInfo(
        network=com, animals=("rat1", "rat2"), image=ComImageSettings(downsample=8)
    )
    pose = DannceConfig(n_views=6, n_keypoints=23, width=1)
    about_pose = CheckpointInfo(
        network=pose,
        keypoints=load_skeleton("rat23").keypoints,
        skeleton="rat23",
        volume=VolumeSettings(voxels=8),
    )
    return Weights(
        com=save_checkpoint(folder / "com.safetensors", build_network(com, 0), about_com),
        pose=save_checkpoint(folder / "dannce.safetensors", build_network(pose, 0), about_pose),
    )


@pytest.fixture(scope="module")
def result(
    weights: Weights, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Summary, Path, list[str]]:
    """The headless demo on a few frames, its picture drawn without a window."""
    out = tmp_path_factory.mktemp("demo") / "out"
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_sdannce.widgets.demo_picture._screenshot", lambda *_: False)
        summary = run_demo(
            headless=True,
            out=out,
            frames=FRAMES,
            weights=weights,
            report=lambda event: said.append(event.event),
        )
    assert summary is not None
    return summary, out, said


def test_headless_demo_says_what_it_did(result: tuple[Summary, Path, list[str]]) -> None:
    summary, out, said = result
    assert (summary.frames, summary.cameras, summary.animals) == (FRAMES, 6, 2)
    assert summary.keypoints == 23
    assert summary.frames_per_second == pytest.approx(FRAMES / summary.seconds)
    assert summary.device == "cpu"
    assert summary.versions["torch"] == torch.__version__
    assert set(said) >= {"progress", "done", "message"}
    written = json.loads((out / "summary.json").read_text())
    assert {"frames", "cameras", "animals", "mean_error_mm", "frames_per_second"} <= set(written)
    assert read_summary(out) == summary


def test_headless_demo_leaves_store_files_and_picture(
    result: tuple[Summary, Path, list[str]],
) -> None:
    import cv2

    summary, out, _ = result
    assert (out / "com.zarr").is_dir()
    assert (out / "poses.zarr").is_dir()
    assert list(out.glob("save_data_AVG*.mat"))
    assert list(out.glob("com3d*.mat"))
    assert (summary.picture, summary.picture_of) == ("overlay.png", "overlay")
    picture = cv2.imread(str(out / "overlay.png"))
    assert picture.shape[:2] == (2 * 512, 3 * 640)
    assert picture.std() > 10


def test_error_is_measured_by_sample_id() -> None:
    truth = np.zeros((5, 1, 2, 3))
    truth[3, 0, 1] = (3, 4, 0)
    found = np.zeros((1, 1, 2, 3))
    found[0, 0, 0] = np.nan
    poses = Poses(found, np.ones((1, 1, 2)), np.array([3]), ("a",), ("p", "q"))
    np.testing.assert_allclose(errors_mm(poses, truth), [[[np.nan, 5.0]]])


def test_nothing_found_is_said(result: tuple[Summary, Path, list[str]]) -> None:
    nothing = result[0].model_copy(update={"mean_error_mm": None, "median_error_mm": None})
    assert in_words(nothing) == f"No keypoint was found in {FRAMES} frames."
    assert Summary.model_validate_json(nothing.model_dump_json()) == nothing


def test_missing_weights_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_data, "files", lambda package: tmp_path)
    (tmp_path / "sample_data" / "weights").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"weights of the demo are not .* com\*"):
        demo_data.sample_weights()
    with pytest.raises(FileNotFoundError, match="sample recording did not come"):
        sample_folder()
    assert demo_data.main([str(tmp_path / "out")]) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "failed"
    assert "sample recording" in last["text"] or "weights" in last["text"]


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    import napari

    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.mark.window
def test_the_window_shows_the_error(
    viewer: napari.Viewer,
    result: tuple[Summary, Path, list[str]],
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari_sdannce.widgets import napari_adapter
    from napari_sdannce.widgets.demo_window import DemoPanel
    from napari_sdannce.widgets.recording_panel import RecordingPanel

    summary, out, _ = result
    panel = RecordingPanel(viewer)
    with qtbot.waitSignal(panel.opened, timeout=60_000):
        panel.open(sample_folder())
    monkeypatch.setattr(napari_adapter, "has_window", lambda viewer: False)
    demo = DemoPanel(panel, out)
    known = summary.model_copy(
        update={
            "mean_error_mm": 5.0,
            "median_error_mm": 4.0,
            "error_per_keypoint_mm": {"Snout": 7.0, "EarL": 3.0},
        }
    )
    with qtbot.waitSignal(panel.marks_opened, timeout=60_000):
        demo.show_result(known)
    assert "Mean error 5.0 mm (median 4.0 mm)" in demo.text.text()
    cells = [demo.table.item(row, column).text() for row in range(2) for column in range(2)]
    assert cells == ["EarL", "3.0", "Snout", "7.0"]
    assert panel.shown is not None
    assert [drawn.marks.name for drawn in panel.shown.drawn] == ["poses"]
    viewer.layers.clear()


@pytest.mark.window
def test_the_window_says_why_it_could_not_predict(
    viewer: napari.Viewer, qtbot: Any, tmp_path: Path
) -> None:
    from napari_sdannce.widgets.demo_window import DemoPanel
    from napari_sdannce.widgets.recording_panel import RecordingPanel

    demo = DemoPanel(RecordingPanel(viewer), tmp_path)
    nothing = Weights(com=tmp_path / "no.safetensors", pose=tmp_path / "no.safetensors")
    with qtbot.waitSignal(demo.finished, timeout=120_000) as finished:
        demo.start(demo_data.prediction_arguments(tmp_path, 1, "cpu", nothing))
    assert finished.args == [False]
    assert "could not be made" in demo.text.text()
    assert "no.safetensors" in demo.text.text()


def test_the_sample_is_copied_to_where_results_may_lie() -> None:
    own = demo_data.own_sample()
    assert own != sample_folder()
    names = sorted(path.relative_to(sample_folder()) for path in sample_folder().rglob("*"))
    assert sorted(path.relative_to(own) for path in own.rglob("*")) == names
    (own / "COM").mkdir()
    assert demo_data.own_sample() == own
    assert (own / "COM").is_dir()
    shutil.rmtree(own)
