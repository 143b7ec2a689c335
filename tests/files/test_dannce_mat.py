"""Label files: every field kept, and the meaning of each, on small files and real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError, open_labels
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import read_dannce, write_dannce
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.mat_values import cell_row, equal_values
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.skeletons import Skeleton, load_skeleton


@pytest.fixture(params=["5", "7.3"])
def version(request):
    return request.param


def saved(folder, content, version="5"):
    return write_mat(folder / "x_dannce.mat", content, version=version)


def changed(content, table, camera, **fields):
    """The content with fields of one camera's table replaced (None: removed)."""
    content[table][camera, 0].update(fields)
    for name, value in fields.items():
        if value is None:
            del content[table][camera, 0][name]
    return content


def test_everything_is_written_back(small, tmp_path, version):
    content = {**small.dannce(), "unknown": "kept"}
    file = read_dannce(saved(tmp_path, content, version))
    again = read_dannce(write_dannce(tmp_path / "again_dannce.mat", file))
    assert again.version == version
    assert list(again.variables) == list(file.variables)
    for name in content:
        assert equal_values(again.variables[name], file.variables[name]), name
    if version == "5":
        for name, value in content.items():
            assert equal_values(again.variables[name], value), name


def test_cameras_project_as_the_file_says(small, tmp_path, version):
    """The stored 2D is the row-vector projection, 1-based; 0-based it is one pixel less."""
    file = read_dannce(saved(tmp_path, small.dannce(), version))
    points = small.points().reshape(-1, 3)
    for params, camera in zip(small.params(), file.cameras(), strict=True):
        np.testing.assert_allclose(
            camera.project(points), small.project(params, points) - 1, atol=1e-9
        )
    assert [camera.name for camera in file.cameras()] == list(small.cameras)
    assert [len(camera.radial) for camera in file.cameras()] == [2, 2, 3]


@pytest.mark.parametrize(
    ("origin", "camera_shift", "label_shift"),
    [(PixelOrigin.MATLAB, 1, 1), (PixelOrigin.ZERO, 0, 0), (PixelOrigin.REFERENCE, 0, 1)],
)
def test_pixel_origins(small, tmp_path, origin, camera_shift, label_shift):
    path = saved(tmp_path, small.dannce())
    camera = read_dannce(path).cameras(origin)[0]
    assert camera.matrix[:2, 2] == pytest.approx([321.5 - camera_shift, 240.25 - camera_shift])
    stored = small.dannce()["labelData"][0, 0]["data_2d"].reshape(3, 1, 4, 2)
    labels = open_labels(path, pixel_origin=origin)
    np.testing.assert_array_equal(labels.points_2d[0], stored - label_shift)


def test_labels(small, tmp_path, version):
    labels = open_labels(saved(tmp_path, small.dannce(), version))
    assert labels.views == small.cameras
    assert labels.animals == ("animal1",)
    assert labels.skeleton.keypoints == ("kp1", "kp2", "kp3", "kp4")
    assert labels.sample_ids.tolist() == [21, 71, 111]
    assert labels.frames.tolist() == [[2, 7, 11]] * 3
    np.testing.assert_array_equal(labels.points_3d[:, 0], small.points())
    missing = labels.states == LabelState.NONE
    assert missing.sum() == 3
    assert missing[:, 2, 0, 1].all()
    assert (labels.states[~missing] == LabelState.REPROJECTED).all()
    assert np.isnan(labels.points_2d[missing]).all()


def test_clicks_take_the_place_of_projections(small, tmp_path):
    by_hand = np.full((4, 3, 2, 3), np.nan)
    by_hand[2, 1, :, 0] = 100.0, 50.0
    labels = open_labels(saved(tmp_path, {**small.dannce(), "handLabeled2D": by_hand}))
    assert labels.states[1, 0, 0, 2] == LabelState.HUMAN
    assert labels.points_2d[1, 0, 0, 2].tolist() == [99, 49]
    assert (labels.states == LabelState.HUMAN).sum() == 1


def test_clicks_of_other_frames_are_not_mixed_in(small, tmp_path):
    """Label3D writes the clicks of all open frames, not only the labelled ones."""
    by_hand = np.ones((4, 3, 2, 9))
    labels = open_labels(saved(tmp_path, {**small.dannce(), "handLabeled2D": by_hand}))
    assert not (labels.states == LabelState.HUMAN).any()


def test_sync(small, tmp_path):
    sync = read_dannce(saved(tmp_path, small.dannce())).sync_table()
    assert sync.frames.shape == (20, 3)
    assert sync.sample_ids[:3].tolist() == [1, 11, 21]
    content = small.dannce()
    del content["sync"]
    path = write_mat(tmp_path / "b_dannce.mat", content)
    assert read_dannce(path).sync_table() is None


def test_negative_frames_are_missing(small, tmp_path):
    frames = np.arange(20, dtype=np.int32)[None] - 2
    content = changed(small.dannce(), "sync", 1, data_frame=frames)
    sync = read_dannce(saved(tmp_path, content)).sync_table()
    assert sync.frames[:4, 1].tolist() == [-1, -1, 0, 1]


class TestTolerance:
    """What real files and other writers do differently."""

    def same(self, small, tmp_path, content, version="5"):
        expected = open_labels(write_mat(tmp_path / "a_dannce.mat", small.dannce()))
        assert open_labels(saved(tmp_path, content, version)).equals(expected)
        return read_dannce(tmp_path / "x_dannce.mat")

    def test_cells_lie_or_stand(self, small, tmp_path):
        content = {
            name: value.T if isinstance(value, np.ndarray) else value
            for name, value in small.dannce().items()
        }
        self.same(small, tmp_path, content)

    def test_vectors_lie_or_stand(self, small, tmp_path):
        content = small.dannce()
        for each in content["labelData"].flat:
            for name in ("data_frame", "data_sampleID"):
                each[name] = each[name].T
        self.same(small, tmp_path, content)

    def test_other_number_classes(self, small, tmp_path):
        content = small.dannce()
        for each in content["labelData"].flat:
            each["data_frame"] = each["data_frame"].astype(np.float64)
            each["data_sampleID"] = each["data_sampleID"] + 0.4  # ms, cut off
        self.same(small, tmp_path, content)

    def test_flat_t_of_hdf5_files(self, small, tmp_path):
        content = small.dannce()
        for each in content["params"].flat:
            each["t"] = each["t"].ravel()
        file = self.same(small, tmp_path, content, "7.3")
        assert file.cameras()[0].translation.tolist() == [1, 2, 900]

    def test_older_name_of_r(self, small, tmp_path):
        content = small.dannce()
        for each in content["params"].flat:
            each["R"] = each.pop("r")
        expected = read_dannce(write_mat(tmp_path / "b_dannce.mat", small.dannce())).cameras()
        found = read_dannce(saved(tmp_path, content)).cameras()
        np.testing.assert_array_equal(found[1].rotation, expected[1].rotation)

    def test_char_matrix_of_names(self, small, tmp_path):
        self.same(small, tmp_path, {**small.dannce(), "camnames": np.array(small.cameras)})

    def test_no_names(self, small, tmp_path):
        content = small.dannce()
        del content["camnames"]
        labels = open_labels(saved(tmp_path, content))
        assert labels.views == ("Camera1", "Camera2", "Camera3")

    def test_matrices_that_are_not_transposed(self, small, tmp_path):
        content = small.dannce()
        for each in content["params"].flat:
            each["K"], each["r"] = each["K"].T.copy(), each["r"].T.copy()
        expected = read_dannce(write_mat(tmp_path / "b_dannce.mat", small.dannce())).cameras()
        for one, other in zip(
            read_dannce(saved(tmp_path, content)).cameras(), expected, strict=True
        ):
            np.testing.assert_array_equal(one.matrix, other.matrix)
            np.testing.assert_array_equal(one.rotation, other.rotation)

    def test_no_distortion(self, small, tmp_path):
        content = small.dannce()
        content["params"][0, 0]["RDistort"] = np.zeros((0, 0))
        del content["params"][0, 0]["TDistort"]
        camera = read_dannce(saved(tmp_path, content)).cameras()[0]
        assert not camera.radial.any()
        assert not camera.tangential.any()

    @pytest.mark.parametrize("flat", [False, True])
    def test_a_single_labelled_moment(self, small, tmp_path, flat):
        content = small.dannce()
        for each in content["labelData"].flat:
            for name in ("data_2d", "data_3d", "data_frame"):
                each[name] = each[name][:1].ravel() if flat else each[name][:1]
            each["data_sampleID"] = each["data_sampleID"][:, :1]
        labels = open_labels(saved(tmp_path, content, "7.3"))
        assert labels.points_2d.shape == (3, 1, 1, 4, 2)
        np.testing.assert_array_equal(labels.points_3d[0, 0], small.points()[0])

    def test_lengths_that_disagree(self, small, tmp_path):
        content = changed(small.dannce(), "sync", 2, data_frame=np.arange(17, dtype=np.int32)[None])
        file = read_dannce(saved(tmp_path, content))
        assert len(file.sync_table()) == 17
        assert any("first 17" in problem for problem in file.problems())

    def test_mirrors_are_listed(self, small, tmp_path):
        content = small.dannce()
        content["params"][1, 0]["m"] = np.array([[1.0]])
        assert any("mirror" in each for each in read_dannce(saved(tmp_path, content)).problems())

    def test_repeated_moments_of_the_sync_are_listed(self, small, tmp_path):
        ids = np.minimum(np.arange(20, dtype=np.int32), 18)[None]
        content = small.dannce()
        for each in content["sync"].flat:
            each["data_sampleID"] = ids
        problems = read_dannce(saved(tmp_path, content)).problems()
        assert any("more than once" in problem for problem in problems)

    def test_repeated_moments_count_once(self, small, tmp_path):
        content = small.dannce()
        for each in content["labelData"].flat:
            each["data_sampleID"] = np.array([[21, 71, 21]], dtype=np.int32)
        labels = open_labels(saved(tmp_path, content))
        assert labels.sample_ids.tolist() == [21, 71]
        np.testing.assert_array_equal(labels.points_3d[:, 0], small.points()[:2])


def refused(path, match):
    with pytest.raises(FileFormatError, match=match) as info:
        open_labels(path)
    assert str(path) in str(info.value)


def test_refusals_name_file_found_and_expected(small, tmp_path):
    refused(write_mat(tmp_path / "a.mat", {"x": np.eye(2)}), "no 'params'.*there is x.*expected")
    content = changed(small.dannce(), "labelData", 1, data_frame=None)
    refused(write_mat(tmp_path / "b.mat", content), "no 'data_frame'")
    content = changed(small.dannce(), "labelData", 1, data_2d=np.zeros((3, 6)))
    refused(write_mat(tmp_path / "c.mat", content), "different widths")
    content = {**small.dannce(), "camnames": cell_row(["a", "b"])}
    refused(write_mat(tmp_path / "d.mat", content), "2 'camnames' for 3 'params'")
    content = small.dannce()
    content["params"][0, 0]["K"] = np.full((3, 3), 5.0)
    with pytest.raises(FileFormatError, match="neither an intrinsic matrix"):
        read_dannce(write_mat(tmp_path / "e.mat", content)).cameras()


def test_which_skeleton(small, tmp_path):
    def with_keypoints(count):
        content = small.dannce()
        for each in content["labelData"].flat:
            each["data_2d"], each["data_3d"] = np.ones((3, 2 * count)), np.ones((3, 3 * count))
        return write_mat(tmp_path / f"{count}_dannce.mat", content)

    assert open_labels(with_keypoints(23)).skeleton.name == "rat23"
    assert open_labels(with_keypoints(22)).skeleton.name == "mouse22"
    assert open_labels(with_keypoints(20)).skeleton.keypoints[0] == "HeadF"
    assert open_labels(with_keypoints(9)).skeleton.keypoints[0] == "kp1"
    coms = open_labels(with_keypoints(2))
    assert coms.skeleton.name == "com"
    assert coms.points_3d.shape == (3, 2, 1, 3)
    assert open_labels(with_keypoints(1)).animals == ("animal1",)
    two = open_labels(with_keypoints(46), skeleton="rat23", animals=("ann", "bob"))
    assert two.animals == ("ann", "bob")
    assert two.points_2d.shape == (3, 3, 2, 23, 2)
    four = open_labels(tmp_path / "46_dannce.mat", skeleton="com", animals=None)
    assert four.points_3d.shape == (3, 46, 1, 3)
    with pytest.raises(FileFormatError, match="46 keypoints"):
        open_labels(tmp_path / "46_dannce.mat", skeleton="mouse22")


def reference_loader(path):
    """What the reference's loader makes of a label file (its tolerance, our words)."""
    stored = scipy.io.loadmat(path)
    for view in range(len(stored["params"])):
        struct = stored["labelData"][view, 0][0, 0]
        yield {
            "name": stored["camnames"].ravel()[view][0],
            "params": {n: stored["params"][view, 0][0, 0][n] for n in ("K", "r", "t", "RDistort")},
            "data_2d": struct["data_2d"] - 1,
            "data_3d": struct["data_3d"],
            "frames": np.squeeze(struct["data_frame"]).astype(int),
            "ids": np.squeeze(struct["data_sampleID"]).astype(int),
            "sync_ids": stored["sync"][view, 0][0, 0]["data_sampleID"].ravel().astype(int),
        }


def test_export_is_what_the_reference_reads(small, tmp_path):
    file = read_dannce(saved(tmp_path, small.dannce()))
    labels = open_labels(tmp_path / "x_dannce.mat")
    path = tmp_path / "y_dannce.mat"
    exported = dannce_from_labels(path, labels, file.cameras(), file.sync_table(), com=file.com)
    write_dannce(path, exported)
    for view, found in enumerate(reference_loader(path)):
        params = small.params()[view]
        assert found["name"] == small.cameras[view]
        for name in ("K", "r", "t", "RDistort"):
            np.testing.assert_allclose(found["params"][name], params[name], atol=1e-12)
        pixels = small.project(params, small.points().reshape(-1, 3)).reshape(3, -1) - 1
        np.testing.assert_allclose(found["data_2d"], pixels, atol=1e-9)
        np.testing.assert_array_equal(found["data_3d"].reshape(3, 4, 3), small.points())
        assert found["frames"].tolist() == [2, 7, 11]
        assert found["ids"].tolist() == [21, 71, 111]
        assert found["sync_ids"].tolist() == list(range(1, 200, 10))
    again = open_labels(path)
    np.testing.assert_allclose(again.points_2d, labels.points_2d, atol=1e-9)
    np.testing.assert_array_equal(again.states, labels.states)
    assert again.skeleton == labels.skeleton
    np.testing.assert_array_equal(read_dannce(path).com.positions, file.com.positions)


def test_export_of_one_moment_without_sync(small, tmp_path):
    file = read_dannce(saved(tmp_path, small.dannce()))
    labels = open_labels(tmp_path / "x_dannce.mat").select_frames([1])
    path = tmp_path / "y_dannce.mat"
    write_dannce(path, dannce_from_labels(path, labels, file.cameras()))
    found = list(reference_loader(path))
    assert found[0]["data_2d"].shape == (1, 8)
    # its key is no frame number, so nothing is known of other moments
    assert found[0]["sync_ids"].tolist() == [71]
    by_frame = replace(labels, sample_ids=labels.frames[0])
    write_dannce(path, dannce_from_labels(path, by_frame, file.cameras()), overwrite=True)
    assert next(reference_loader(path))["sync_ids"].tolist() == list(range(8))


def test_frames_that_are_missing_stay_missing(small, tmp_path):
    labels = open_labels(saved(tmp_path, small.dannce()))
    cameras = read_dannce(tmp_path / "x_dannce.mat").cameras()
    frames = labels.frames.copy()
    frames[1, 2] = -1
    path = tmp_path / "y_dannce.mat"
    write_dannce(path, dannce_from_labels(path, replace(labels, frames=frames), cameras))
    np.testing.assert_array_equal(open_labels(path).frames, frames)


def test_export_of_two_animals(small, tmp_path):
    """Long list of keypoints, animal by animal; names tell them apart when read again."""
    path = saved(tmp_path, small.dannce())
    labels = open_labels(path, skeleton=load_skeleton("com"))
    assert len(labels.animals) == 4
    out = tmp_path / "coms_dannce.mat"
    write_dannce(out, dannce_from_labels(out, labels, read_dannce(path).cameras()))
    again = open_labels(out)
    assert again.animals == labels.animals
    np.testing.assert_array_equal(again.points_3d, labels.points_3d)


def test_export_keeps_the_names_of_animals(small, tmp_path):
    path = saved(tmp_path, small.dannce())
    labels = open_labels(path, skeleton="com", animals=("Ann", "Bob", "Cy", "Dee"))
    cameras, out = read_dannce(path).cameras(), tmp_path / "coms_dannce.mat"
    write_dannce(out, dannce_from_labels(out, labels, cameras))
    assert open_labels(out).animals == ("Ann", "Bob", "Cy", "Dee")
    assert open_labels(out, animals=("a", "b", "c", "d")).animals == ("a", "b", "c", "d")
    # of another number of animals they are no use
    four = Skeleton("four", ("a", "b", "c", "d"))
    assert open_labels(out, skeleton=four).animals == ("animal1",)
    empty = labels.select_frames(np.zeros(3, dtype=bool))
    write_dannce(out, dannce_from_labels(out, empty, cameras), overwrite=True)
    assert open_labels(out).animals == ("Ann", "Bob", "Cy", "Dee")


def test_export_leaves_out_moments_without_3d_and_needs_cameras(small, tmp_path):
    path = saved(tmp_path, small.dannce())
    labels, cameras = open_labels(path), read_dannce(path).cameras()
    points = labels.points_3d.copy()
    points[1] = np.nan
    exported = dannce_from_labels(tmp_path / "y.mat", replace(labels, points_3d=points), cameras)
    assert exported.label_table().sample_ids.tolist() == [21, 111]
    with pytest.raises(ValueError, match="top_view"):
        dannce_from_labels(tmp_path / "y.mat", labels, cameras[:2])


@pytest.mark.realdata
class TestRealFiles:
    names = (
        "test_social_dannce_dannce.mat",
        "test_social_com_dannce.mat",
        "markerless_mouse_1_dannce.mat",
    )

    @pytest.mark.parametrize("name", names)
    def test_written_back_the_same(self, shared_data, tmp_path, name):
        file = read_dannce(shared_data / "label3d" / name)
        again = read_dannce(write_dannce(tmp_path / name, file))
        assert list(again.variables) == list(file.variables)
        for key, value in file.variables.items():
            assert equal_values(again.variables[key], value), key

    @pytest.mark.parametrize("name", names)
    def test_3d_projects_onto_2d(self, shared_data, name):
        """In the file's own pixels, and one less in ours."""
        path = shared_data / "label3d" / name
        stored = read_dannce(path)
        table = stored.label_table()
        points = table.data_3d.reshape(len(table.data_3d), -1, 3)
        for origin, shift in ((PixelOrigin.ZERO, 0.0), (PixelOrigin.MATLAB, 1.0)):
            for view, camera in enumerate(stored.cameras(origin)):
                pixels = table.data_2d[view].reshape(*points.shape[:2], 2) - shift
                np.testing.assert_allclose(camera.project(points), pixels, atol=1e-6)

    def test_facts(self, shared_data):
        folder = shared_data / "label3d"
        social = open_labels(folder / self.names[0])
        assert social.skeleton.name == "rat23"
        assert social.points_2d.shape == (6, 8, 1, 23, 2)
        assert social.frames[0].tolist() == social.sample_ids.tolist()
        coms = open_labels(folder / self.names[1])
        assert coms.points_3d.shape == (8, 2, 1, 3)
        mouse = open_labels(folder / self.names[2])
        assert mouse.skeleton.name == "mouse22"
        assert mouse.sample_ids[:3].tolist() == [271, 721, 1681]
        assert mouse.frames[0, :3].tolist() == [27, 72, 168]
        file = read_dannce(folder / self.names[2])
        assert file.com.positions.shape == (18000, 1, 3)
        assert len(read_dannce(folder / self.names[1]).sync_table()) == 120000
