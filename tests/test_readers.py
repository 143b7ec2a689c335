"""Opening and saving through napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest

pytest.importorskip("napari")

from napari.components import ViewerModel

import napari_sdannce as sd
from napari_sdannce._read_layers import read_layers, reader_of, recording_of
from napari_sdannce._write_layers import write_points
from napari_sdannce._write_layers import write_poses as write_layer
from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.files.import_2d import import_points
from napari_sdannce.files.pose_mat import read_poses, write_poses
from napari_sdannce.geometry import Camera
from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.poses import Poses
from napari_sdannce.recording import Sync
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.video import VideoWriter
from napari_sdannce.widgets.opening import FoundFile, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import napari

N = 5
SKELETON = Skeleton("stick", ("nose", "tail"), edges=((0, 1),))


def cameras() -> tuple[Camera, Camera]:
    """Two cameras at a right angle, 400 mm from the origin."""
    found = []
    for name, forward in (("a", (1.0, 0, 0)), ("b", (0, 1.0, 0))):
        rotation = np.stack([np.cross(forward, (0, 0, 1.0)), (0, 0, -1.0), forward])
        matrix = np.array([[120.0, 0, 40], [0, 120, 24], [0, 0, 1]])
        found.append(Camera(name, matrix, rotation, np.array([0, 0, 400.0]), image_size=(80, 48)))
    return found[0], found[1]


def truth() -> Poses:
    xyz = np.zeros((N, 1, 2, 3))
    xyz[:, 0, 0] = np.arange(N)[:, None] * (5.0, 3.0, 2.0)
    xyz[:, 0, 1] = xyz[:, 0, 0] - (20, 10, 5)
    return Poses(xyz, np.full((N, 1, 2), 0.5), np.arange(N), ("animal1",), SKELETON.keypoints)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos, calibration, labels and predictions."""
    root = tmp_path_factory.mktemp("readers") / "tuesday"
    for camera in cameras():
        path = root / "videos" / camera.name / "0.mp4"
        path.parent.mkdir(parents=True)
        with VideoWriter(path, 80, 48, 30.0) as video:
            for t in range(N):
                video.write(np.full((48, 80, 3), 40 * t, dtype=np.uint8))
    write_anipose(root / "calibration.toml", cameras())
    frames = np.array([1, 3])
    labels = Labels.empty(("a", "b"), SKELETON, ("animal1",), frames, np.stack([frames] * 2))
    labels.points_3d[:] = truth().positions[frames]
    for v, camera in enumerate(cameras()):
        labels.points_2d[v] = camera.project(labels.points_3d)
    labels.states[:] = LabelState.HUMAN
    path = root / "x_dannce.mat"
    write_dannce(path, dannce_from_labels(path, labels, cameras(), Sync.identity(N, 2)))
    write_poses(root / "DANNCE" / "predict", truth())
    return root


def check(tuples: list[Any], names: list[str]) -> None:
    assert [options["name"] for _, options, _ in tuples] == names
    for frames, options, kind in tuples:
        assert kind == "image"
        assert isinstance(frames, da.Array)
        assert frames.shape == (N, 48, 80, 3)
        assert options["rgb"]
        assert options["contrast_limits"] == (0, 255)
        assert options["axis_labels"] == ("frame", "y", "x")


@pytest.mark.parametrize("path", ["", "x_dannce.mat", "DANNCE/predict/save_data_AVG0.mat"])
def test_a_recording_comes_as_lazy_layers(experiment: Path, path: str) -> None:
    reader = reader_of(str(experiment / path))
    assert reader is not None
    check(reader(str(experiment / path)), ["a", "b"])


def test_a_lone_video(experiment: Path) -> None:
    check(read_layers(str(experiment / "videos" / "b" / "0.mp4")), ["b"])


def test_nothing_there_is_not_ours(tmp_path: Path) -> None:
    assert reader_of(str(tmp_path / "nothing.mp4")) is None
    assert reader_of([str(tmp_path), str(tmp_path)]) is None


def test_a_folder_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither videos nor a label file") as found:
        read_layers(str(tmp_path))
    assert "\n" not in str(found.value)


def test_predictions_without_a_recording(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c" / "d"
    folder.mkdir(parents=True)
    path = write_poses(folder / "save_data_AVG.mat", truth())
    with pytest.raises(ValueError, match="open its recording first"):
        recording_of(FoundFile(path, Kind.POSES))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x_dannce.mat", Kind.LABELS),
        ("com3d.mat", Kind.COM),
        ("com3d.pickle", Kind.COM),
        ("save_data_AVG.mat", Kind.POSES),
        ("labels_2d.npz", Kind.POINTS_2D),
        ("0.mp4", None),
    ],
)
def test_what_a_file_is_drawn_as(name: str, kind: Kind | None) -> None:
    assert kind_of(Path(name)) == kind


@pytest.fixture
def points_layers(experiment: Path) -> list[Any]:
    viewer = ViewerModel()
    layers = sd.add_poses(viewer, open_recording(experiment), truth())
    viewer.dims.set_current_step(0, 2)
    return [layer for layer in layers if layer._type_string == "points"]


def test_poses_are_written_whole(points_layers: list[Any], tmp_path: Path) -> None:
    data, meta, _ = points_layers[0].as_layer_data_tuple()
    (written,) = write_layer(str(tmp_path / "poses.mat"), data, meta)
    again = read_poses(written, skeleton=SKELETON)
    np.testing.assert_allclose(again.positions, truth().positions)
    assert again.sample_ids.tolist() == list(range(N))
    with pytest.raises(FileExistsError):
        write_layer(str(tmp_path / "poses.mat"), data, meta)


def test_points_are_written_and_read_back(
    points_layers: list[Any], experiment: Path, tmp_path: Path
) -> None:
    tuples = [layer.as_layer_data_tuple() for layer in points_layers]
    (written,) = write_points(str(tmp_path / "points.npz"), tuples)
    labels = import_points(open_recording(experiment), written)
    row = labels.sample_ids.tolist().index(2)
    np.testing.assert_allclose(labels.points_3d[row], truth().positions[2], atol=1e-3)
    with pytest.raises(FileExistsError, match="nothing was written"):
        write_points(str(tmp_path / "points.npz"), tuples)


def test_foreign_points_are_not_written(tmp_path: Path) -> None:
    layer = ViewerModel().add_points(np.zeros((2, 2)), name="spots")
    with pytest.raises(ValueError, match="'spots': this points layer does not belong"):
        write_points(str(tmp_path / "points.npz"), [layer.as_layer_data_tuple()])
    assert not (tmp_path / "points.npz").exists()


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    import napari

    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.mark.window
def test_napari_opens_a_folder_and_then_predictions(
    viewer: napari.Viewer, experiment: Path, qtbot: Any
) -> None:
    from napari_sdannce.widgets.recording_layers import shown_in

    viewer.open(str(experiment), plugin="napari-sdannce")
    qtbot.waitUntil(lambda: shown_in(viewer) is not None, timeout=20_000)
    shown = shown_in(viewer)
    assert shown is not None
    assert viewer.canvas.grid.enabled
    assert shown.moment == 0
    _, panel = viewer.window.add_plugin_dock_widget("napari-sdannce", "Recording")
    assert panel.shown is shown
    viewer.open(str(experiment / "DANNCE/predict/save_data_AVG0.mat"), plugin="napari-sdannce")
    assert [one.marks.name for one in shown.drawn] == ["DANNCE/predict save_data_AVG0"]
    assert len(viewer.layers) == 6
    viewer.layers.clear()


@pytest.mark.window
def test_napari_opens_a_label_file(viewer: napari.Viewer, experiment: Path, qtbot: Any) -> None:
    from napari_sdannce.widgets.recording_layers import shown_in

    viewer.open(str(experiment / "x_dannce.mat"), plugin="napari-sdannce")

    def labels_are_drawn() -> bool:
        shown = shown_in(viewer)
        return shown is not None and bool(shown.drawn)

    qtbot.waitUntil(labels_are_drawn, timeout=30_000)
    shown = shown_in(viewer)
    assert shown is not None
    assert shown.moment == 1
    assert open_labels(experiment / "x_dannce.mat").sample_ids[0] == 1
    viewer.layers.clear()
