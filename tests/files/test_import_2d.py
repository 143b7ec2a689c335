from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.files.import_2d import import_points
from napari_sdannce.files.points_sources import match_camera
from napari_sdannce.geometry import Camera, triangulate_dlt
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import Recording, Sync, View
from napari_sdannce.settings.import_2d import ImportSettings
from napari_sdannce.skeletons import load_skeleton

NAMES = ("nose", "back", "tail")


def camera(name: str, angle: float) -> Camera:
    """A camera 500 mm off the origin, looking at it."""
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[c, s, 0], [0, 0, -1], [-s, c, 0]])
    matrix = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    return Camera(name, matrix, rotation, np.array([0, 0, 500.0]), np.array([-0.1, 0.02]))


CAMERAS = tuple(camera(f"cam{i}", i * np.pi / 2.5) for i in range(4))


def recording(sync: Sync | None = None) -> Recording:
    return Recording(Path("/nowhere"), tuple(View(c.name, (), c) for c in CAMERAS), sync)


def scene(n=6, animals=1, seed=0):
    """(F, A, 3, 3) mm, and (V, F, A, 3, 2) px."""
    xyz = np.random.default_rng(seed).uniform(-60, 60, (n, animals, 3, 3))
    return xyz, np.stack([c.project(xyz) for c in CAMERAS])


def write_npz(path: Path, pixels, **more) -> Path:
    np.savez(path, points=pixels, cameras=[c.name for c in CAMERAS], keypoints=NAMES, **more)
    return path


def write_csvs(folder: Path, pixels, scores=None) -> list[Path]:
    paths = []
    for view, each in enumerate(pixels):
        lines = ["scorer" + ",s" * 9, "bodyparts" + "".join(f",{n},{n},{n}" for n in NAMES)]
        lines.append("coords" + ",x,y,likelihood" * 3)
        for t, frame in enumerate(each[:, 0]):
            numbers = [
                (*map(repr, map(float, xy)), "0.9" if scores is None else str(scores[view, t, k]))
                for k, xy in enumerate(frame)
            ]
            lines.append(f"{t}," + ",".join(",".join(three) for three in numbers))
        path = folder / f"cam{view}DLC_resnet50.csv"
        path.write_text("\n".join(lines) + "\n")
        paths.append(path)
    return paths


@pytest.mark.parametrize(("n", "why"), [(0, "holds no frames"), (5, "no point is seen")])
def test_nothing_to_import(tmp_path, n, why):
    path = write_npz(tmp_path / "p.npz", np.full((4, n, 3, 2), np.nan))
    with pytest.raises(ValueError, match=rf"p\.npz: {why}.*nothing to import"):
        import_points(recording(), path)


def test_nothing_likely_enough_or_of_the_recording(tmp_path):
    _, pixels = scene()
    paths = write_csvs(tmp_path, pixels)
    with pytest.raises(ValueError, match=r"less likely than min_likelihood \(0\.95\)"):
        import_points(recording(), paths, ImportSettings(min_likelihood=0.95))
    elsewhere = Sync(np.arange(3), np.full((3, 4), 500))
    with pytest.raises(ValueError, match="none of its frames with points belongs to a moment"):
        import_points(recording(elsewhere), paths)


def test_npz_comes_back_in_3d(tmp_path):
    xyz, pixels = scene()
    labels = import_points(recording(), write_npz(tmp_path / "p.npz", pixels[:, :, 0]))
    np.testing.assert_allclose(labels.points_3d, xyz, atol=1e-6)
    np.testing.assert_allclose(labels.points_2d, pixels)
    assert (labels.states == LabelState.PREDICTED).all()
    assert labels.sample_ids.tolist() == list(range(6))
    assert labels.skeleton.keypoints == NAMES


def test_one_file_a_camera(tmp_path):
    xyz, pixels = scene()
    paths = write_csvs(tmp_path, pixels)
    labels = import_points(recording(), paths[::-1])
    np.testing.assert_allclose(labels.points_3d, xyz, atol=1e-6)
    for path in paths:
        path.rename(tmp_path / f"{path.stem[3]}.csv")
    with pytest.raises(ValueError, match="which camera"):
        import_points(recording(), [tmp_path / "0.csv"])
    mapping = {f"cam{i}": tmp_path / f"{i}.csv" for i in range(4)}
    np.testing.assert_array_equal(import_points(recording(), mapping).points_3d, labels.points_3d)
    with pytest.raises(ValueError, match="'cam9'"):
        import_points(recording(), {"cam9": tmp_path / "0.csv"})


def test_frames_are_matched_by_the_sync(tmp_path):
    xyz, pixels = scene(n=8)
    # camera 2 started three frames later, and had no frame at the last moment
    frames = np.repeat(np.arange(8)[:, None], 4, axis=1)
    frames[:, 2] -= 3
    frames[frames < 0] = -1
    frames[7, 2] = -1
    shifted = np.full_like(pixels, np.nan)
    for moment in range(8):
        for view in range(4):
            if frames[moment, view] >= 0:
                shifted[view, frames[moment, view]] = pixels[view, moment]
    sync = Sync(np.arange(8) * 10 + 1, frames)
    labels = import_points(recording(sync), write_npz(tmp_path / "p.npz", shifted[:, :, 0]))
    np.testing.assert_allclose(labels.points_3d, xyz, atol=1e-6)
    assert labels.sample_ids.tolist() == [1, 11, 21, 31, 41, 51, 61, 71]
    assert labels.frames[2].tolist() == [-1, -1, -1, 0, 1, 2, 3, -1]
    assert np.isnan(labels.points_2d[2, :3]).all()


def test_states_reveal_views_left_out(tmp_path):
    xyz, pixels = scene()
    wrong = pixels[:, :, 0].copy()
    wrong[1, 3, 2] += 150
    path = write_npz(tmp_path / "p.npz", wrong)
    labels = import_points(recording(), path, ImportSettings(state="human", labeler="Ann"))
    np.testing.assert_allclose(labels.points_3d, xyz, atol=1e-6)
    assert labels.states[1, 3, 0, 2] == LabelState.REJECTED
    assert (labels.states == LabelState.HUMAN).sum() == labels.states.size - 1
    assert labels.labeler_names == ("Ann",)
    assert (labels.labelers == 0).all()
    predicted = import_points(recording(), path)
    assert (predicted.states == LabelState.PREDICTED).all()


def test_points_without_agreement_get_no_3d(tmp_path):
    _, pixels = scene()
    two_views = pixels[:, :, 0].copy()
    two_views[2:, 0, 0] = np.nan
    two_views[1, 0, 0, 1] += 60
    path = write_npz(tmp_path / "p.npz", two_views)
    without = import_points(recording(), path, ImportSettings(accept_px=10.0))
    assert np.isnan(without.points_3d[0, 0, 0]).all()
    assert np.isfinite(without.points_3d).all(-1).sum() == 17
    assert np.isfinite(import_points(recording(), path).points_3d).all()


def test_likelihood(tmp_path):
    _, pixels = scene()
    scores = np.full((*pixels.shape[:2], 3), 0.9)
    scores[0, 2, 1] = 0.2
    scores[:, 5] = 0.1
    paths = write_csvs(tmp_path, pixels, scores)
    labels = import_points(recording(), paths, ImportSettings(min_likelihood=0.5))
    assert labels.sample_ids.tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(labels.points_2d[0, 2, 0, 1]).all()
    assert labels.states[0, 2, 0, 1] == LabelState.NONE


def test_offset_and_every(tmp_path):
    xyz, pixels = scene(n=9)
    path = write_npz(tmp_path / "p.npz", pixels[:, :, 0], frames=np.arange(1, 10))
    labels = import_points(recording(), path, ImportSettings(frame_offset=-1, every=4))
    assert labels.sample_ids.tolist() == [0, 4, 8]
    np.testing.assert_allclose(labels.points_3d, xyz[::4], atol=1e-6)


def test_several_animals_keep_their_names(tmp_path):
    xyz, pixels = scene(animals=2)
    path = write_npz(tmp_path / "p.npz", pixels, animals=["red", "blue"])
    labels = import_points(recording(), path)
    assert labels.animals == ("red", "blue")
    np.testing.assert_allclose(labels.points_3d, xyz, atol=1e-6)


def test_skeleton_by_name(tmp_path):
    rat = load_skeleton("rat23")
    xyz = np.random.default_rng(0).uniform(-60, 60, (3, 2, 3))
    pixels = np.stack([c.project(xyz) for c in CAMERAS])
    names = ["TailBase", "Snout"]
    np.savez(tmp_path / "p.npz", points=pixels, cameras=[c.name for c in CAMERAS], keypoints=names)
    labels = import_points(recording(), tmp_path / "p.npz", skeleton=rat)
    assert labels.skeleton is rat
    np.testing.assert_allclose(labels.points_3d[:, 0, rat.index("Snout")], xyz[:, 1], atol=1e-6)
    assert np.isfinite(labels.points_3d).all(-1).sum() == 6
    with pytest.raises(ValueError, match="TailBase"):
        import_points(recording(), tmp_path / "p.npz", skeleton=load_skeleton("com"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Camera1.h5", "Camera1"),
        ("Camera10DLC_x.h5", "Camera10"),
        ("mouse_Camera1-3.csv", "Camera1"),
        ("midline.h5", None),
        ("session_mid_2.h5", "mid"),
        ("side2.analysis.h5", "side2"),
        ("side.analysis.h5", "side"),
        ("mid_side.h5", None),
        ("mid/tracks.h5", "mid"),
        ("feedback.h5", None),
    ],
)
def test_camera_in_a_file_name(name, expected):
    names = ["Camera1", "Camera10", "mid", "side", "side2", "back"]
    assert match_camera(Path(name), names) == expected


@pytest.mark.realdata
def test_mouse_labels(shared_data, tmp_path):
    folder = shared_data / "mouse4cam"
    mouse = open_recording(folder)
    labels = import_points(mouse, folder / "labels_2d.npz", ImportSettings(state="human"))
    assert labels.points_2d.shape == (4, 80, 1, 15, 2)
    assert np.isfinite(labels.points_3d).all()
    seen = np.isfinite(labels.points_2d).all(-1)
    assert seen.mean() == pytest.approx(0.91, abs=0.005)

    def disagreement(xyz):
        return np.stack(
            [
                np.linalg.norm(c.project(xyz) - pixels, axis=-1)
                for c, pixels in zip(mouse.cameras, labels.points_2d, strict=True)
            ]
        )

    # the stated number is that of a DLT whose rows are in normalised coordinates
    ideal = [
        Camera(c.name, np.eye(3), c.rotation, c.translation, c.radial, c.tangential)
        for c in mouse.cameras
    ]
    normalised = [
        c.to_normalised(pixels) for c, pixels in zip(mouse.cameras, labels.points_2d, strict=True)
    ]
    linear = triangulate_dlt(ideal, np.stack(normalised))
    assert np.nanmedian(disagreement(linear)) == pytest.approx(6.05, abs=0.01)
    robust = disagreement(labels.points_3d)
    assert np.nanmedian(robust) < np.nanmedian(disagreement(linear))
    assert np.nanmean(labels.states[seen] == LabelState.REJECTED) < 0.1
    # the mouse hardly moves, so a good triangulation hardly does
    spread = [np.std(xyz, axis=0).mean() for xyz in (labels.points_3d, linear)]
    assert spread[0] < 1.5 * spread[1]
    ears_and_head = [labels.skeleton.index(name) for name in ("Ear_R", "Ear_L", "Head")]
    assert np.nanmedian(disagreement(linear)[..., ears_and_head]) < 4

    # and the label file made of it is one that the program opens
    path = tmp_path / "mouse_dannce.mat"
    write_dannce(path, dannce_from_labels(path, labels, mouse.cameras, mouse.sync))
    again = open_labels(path)
    np.testing.assert_allclose(again.points_3d, labels.points_3d)
    assert again.skeleton.keypoints == labels.skeleton.keypoints
    np.testing.assert_array_equal(again.sample_ids, labels.sample_ids)
