from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files import open_labels
from napari_sdannce.files.com_pickle import Aggregation
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.predictions import ComChunk, ComStore, ComTrace, Job, read_com_trace
from napari_sdannce.skeletons import Skeleton

if TYPE_CHECKING:
    from pathlib import Path

JOB = Job(animals=("one", "two"), cameras=("A", "B", "C"), settings={"downsample": 4})


def trace_of(positions, ids=None) -> ComTrace:
    positions = np.asarray(positions, dtype=float)
    if positions.ndim == 1:
        positions = np.repeat(positions[:, None, None], 3, axis=2)
    ids = np.arange(len(positions)) if ids is None else np.asarray(ids)
    return ComTrace(positions, np.ones(positions.shape[:2]), ids)


def x_of(trace: ComTrace):
    return trace.positions[:, 0, 0]


def test_lookup_by_sample_id():
    trace = trace_of([1.0, 2.0, 3.0], ids=[21, 1, 11])
    found = trace.at([1, 2, 21, 11, 99, -5])
    np.testing.assert_array_equal(x_of(found), [2, np.nan, 1, 3, np.nan, np.nan])
    np.testing.assert_array_equal(found.confidence[:, 0], [1, np.nan, 1, 1, np.nan, np.nan])
    assert np.isnan(trace_of(np.zeros(0)).at([3]).positions).all()


def test_arrays_must_fit():
    with pytest.raises(ValueError, match="repeat"):
        trace_of([1.0, 2.0], ids=[3, 3])
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        ComTrace(np.zeros((2, 3)), np.zeros((2, 3)), np.arange(2))
    with pytest.raises(ValueError, match="confidence"):
        ComTrace(np.zeros((2, 1, 3)), np.zeros((2, 2)), np.arange(2))
    with pytest.raises(ValueError, match=r"interpolated has shape \(3, 1\)"):
        ComTrace(np.zeros((2, 1, 3)), np.zeros((2, 1)), np.arange(2), (), np.zeros((3, 1), bool))
    with pytest.raises(ValueError, match="of 1 animals, the names Ann, Bob"):
        ComTrace(np.zeros((2, 1, 3)), np.zeros((2, 1)), np.arange(2), ("Ann", "Bob"))


def test_median_removes_spikes_and_keeps_motion():
    x = np.linspace(0, 50, 51)
    spiky = x.copy()
    spiky[[10, 11, 30]] = 900.0
    smooth = x_of(trace_of(spiky).median_filtered(7))
    assert np.abs(smooth[3:-3] - x[3:-3]).max() <= 2.0
    np.testing.assert_array_equal(x_of(trace_of(x).median_filtered(7))[3:-3], x[3:-3])


def test_median_cuts_its_window_at_the_ends():
    smooth = x_of(trace_of([100.0, 101, 102, 103, 104]).median_filtered(4))  # 4 means 5
    np.testing.assert_array_equal(smooth, [101, 101.5, 102, 102.5, 103])
    reference = x_of(trace_of([100.0, 101, 102, 103, 104]).median_filtered_reference(4))
    np.testing.assert_array_equal(reference, [100, 101, 102, 102, 102])


def test_median_does_not_count_nan():
    smooth = x_of(trace_of([1.0, np.nan, 3, np.nan, 50, 5, 6]).median_filtered(5))
    np.testing.assert_array_equal(smooth, [2, np.nan, 3, np.nan, 5.5, 6, 6])


def test_median_knows_gaps():
    x = [1.0, 2, 3, 500, 501, 502]
    gap = [1, 11, 21, 9001, 9011, 9021]
    near = x_of(trace_of(x).median_filtered(3))
    apart = x_of(trace_of(x, ids=gap).median_filtered(3))
    np.testing.assert_array_equal(near, [1.5, 2, 3, 500, 501, 501.5])
    np.testing.assert_array_equal(apart, [1.5, 2, 2.5, 500.5, 501, 501.5])
    # one moment is absent: its place in the window stays empty
    absent = x_of(trace_of([1.0, 2, 50, 4], ids=[0, 1, 3, 4]).median_filtered(3))
    np.testing.assert_array_equal(absent, [1.5, 1.5, 27, 27])


def test_median_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    trace = trace_of(rng.normal(size=(300, 2, 3)), ids=rng.permutation(300) * 10 + 1)
    smooth = trace.median_filtered(9)
    order = np.argsort(trace.sample_ids)
    again = trace_of(trace.positions[order], trace.sample_ids[order]).median_filtered(9)
    np.testing.assert_array_equal(smooth.positions[order], again.positions)


def test_short_gaps_are_filled_and_marked():
    x = [np.nan, 1, np.nan, 3, np.nan, np.nan, np.nan, 7, np.nan]
    trace = trace_of(x)
    found = trace.filled(2)
    np.testing.assert_array_equal(x_of(found), [np.nan, 1, 2, 3, np.nan, np.nan, np.nan, 7, np.nan])
    assert np.flatnonzero(found.interpolated[:, 0]).tolist() == [2]
    wide = trace.filled(3)
    np.testing.assert_allclose(x_of(wide), [np.nan, 1, 2, 3, 4, 5, 6, 7, np.nan])
    assert np.flatnonzero(wide.interpolated[:, 0]).tolist() == [2, 4, 5, 6]
    np.testing.assert_array_equal(x_of(trace.filled(0)), x)
    assert wide.at([2, 3, 99]).interpolated[:, 0].tolist() == [True, False, False]
    assert wide.median_filtered(3).interpolated.sum() == 4
    with pytest.raises(ValueError, match="at least 0 moments, got -1"):
        trace.filled(-1)
    assert len(trace_of(np.zeros(0)).filled(3)) == 0


def test_absent_moments_widen_a_gap():
    # of moments 0 to 9, 3 to 6 are absent and 2 is unknown: a gap of five
    trace = trace_of([0.0, 1, np.nan, 7, 8, 9], ids=[100, 110, 120, 170, 180, 190])
    assert not trace.filled(4).interpolated.any()
    np.testing.assert_allclose(x_of(trace.filled(5)), [0, 1, 2, 7, 8, 9])


def test_animals_are_filled_on_their_own():
    positions = np.arange(8.0)[:, None, None] * np.ones((8, 2, 3))
    positions[2:4, 0] = np.nan
    positions[5, 1, 2] = np.nan  # a coordinate is enough
    rows = np.random.default_rng(0).permutation(8)
    found = trace_of(positions[rows], ids=rows * 10).filled(2)
    np.testing.assert_allclose(found.positions[:, :, 0], np.stack([rows, rows], axis=1))
    assert found.interpolated.sum() == 3


def test_positions_beyond_a_limit():
    trace = trace_of([[[1.0, 2, -301], [300, 0, 0]], [[np.nan] * 3, [5, 5, 5]]])
    outside = trace.beyond(300)
    assert outside.tolist() == [[True, False], [False, False]]
    kept = trace.without(outside)
    assert np.isnan(kept.positions[0, 0]).all()
    assert np.isnan(kept.confidence[0, 0])
    np.testing.assert_array_equal(kept.positions[1], trace.positions[1])


def test_median_wants_a_window():
    with pytest.raises(ValueError, match="at least one"):
        trace_of([1.0, 2.0]).median_filtered(0)
    trace = trace_of([5.0])
    assert x_of(trace.median_filtered(31)) == [5.0]


@pytest.mark.golden
def test_reference_filter(golden):
    expected = np.load(golden / "com_medfilt.npz")
    one = trace_of(expected["com"][:, None])
    np.testing.assert_array_equal(
        one.median_filtered_reference(30).positions[:, 0], expected["filtered31"]
    )
    several = trace_of(np.transpose(expected["com_multi"], (0, 2, 1)))
    np.testing.assert_array_equal(
        np.transpose(several.median_filtered_reference(30).positions, (0, 2, 1)),
        expected["filtered31_multi"],
    )
    # away from the ends both agree
    np.testing.assert_allclose(
        one.median_filtered(30).positions[15:-15, 0], expected["filtered31"][15:-15]
    )


def filled_store(path: Path, n: int = 10) -> ComStore:
    store = ComStore.create(path, np.arange(n) * 10 + 1, JOB, chunk=4)
    rng = np.random.default_rng(0)
    for moments in store.missing_chunks():
        size = len(moments)
        store.write(
            moments.start,
            ComChunk(
                positions=rng.normal(size=(size, 2, 3)),
                confidence=rng.random((size, 2)),
                peaks=rng.random((size, 3, 2, 2)) * 600,
                peak_confidence=rng.random((size, 3, 2)),
            ),
        )
    return store


def test_store_and_its_twins(tmp_path):
    store = filled_store(tmp_path / "run" / "com")
    written = store.write_mat(tmp_path / "run")
    assert [path.name for path in written] == [
        "com3d.mat",
        "instance0com3d.mat",
        "instance1com3d.mat",
    ]
    trace = store.trace()
    assert trace.positions.shape == (10, 2, 3)
    assert trace.at([11]).animals == trace.median_filtered(3).animals == ("one", "two")
    # files of the reference program name no animals
    assert read_com_trace(tmp_path / "run" / "com3d.mat").animals == ("animal1", "animal2")
    for place in ("run", "run/com", "run/com3d.mat"):
        again = read_com_trace(tmp_path / place)
        np.testing.assert_array_equal(again.positions, trace.positions)
        np.testing.assert_array_equal(again.sample_ids, trace.sample_ids)
    second = read_com_trace(tmp_path / "run" / "instance1com3d.mat")
    np.testing.assert_array_equal(second.positions[:, 0], trace.positions[:, 1])
    np.testing.assert_array_equal(read_com_trace(tmp_path / "run").confidence, trace.confidence)


def test_a_folder_of_one_file_an_animal(tmp_path):
    store = filled_store(tmp_path / "elsewhere")
    store.write_mat(tmp_path / "run")
    (tmp_path / "run" / "com3d.mat").unlink()
    np.testing.assert_array_equal(
        read_com_trace(tmp_path / "run").positions, store.trace().positions
    )


def test_peaks_are_kept(tmp_path):
    chunk = filled_store(tmp_path / "com").read(range(2, 7))
    assert chunk.peaks.shape == (5, 3, 2, 2)
    assert np.isfinite(chunk.peaks).all()
    assert chunk.peak_confidence.shape == (5, 3, 2)


def test_com_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_com_trace(tmp_path / "none")
    with pytest.raises(FileFormatError, match="none of them"):
        read_com_trace(tmp_path)
    filled_store(tmp_path / "a")
    filled_store(tmp_path / "b")
    with pytest.raises(FileFormatError, match="several: a, b"):
        read_com_trace(tmp_path)
    (tmp_path / "x.txt").write_text("1 2 3")
    with pytest.raises(FileFormatError, match=r"\.txt"):
        read_com_trace(tmp_path / "x.txt")


@pytest.mark.realdata
def test_real_traces(shared_data):
    folder = shared_data / "label3d"
    trace = read_com_trace(folder / "markerless_mouse_1_com3d.mat")
    assert trace.positions.shape == (100, 1, 3)
    inside = read_com_trace(folder / "markerless_mouse_1_dannce.mat")
    assert inside.positions.shape[1:] == (1, 3)
    assert np.isfinite(trace.positions).all()


@pytest.mark.golden
@pytest.mark.parametrize("suffix", ["mat", "pickle"])
def test_reference_traces(golden, suffix):
    expected = np.load(golden / "com_single_mouse6.npz")["com3d"]
    trace = read_com_trace(golden / f"com_single_mouse6_com3d.{suffix}")
    np.testing.assert_allclose(trace.positions[:, 0], expected, atol=1e-9)


@pytest.mark.golden
def test_pairs_of_cameras_are_aggregated_as_asked(golden):
    variants = json.loads((golden / "com_single_mouse6_variants.json").read_text(encoding="utf-8"))
    pickle = golden / "com_single_mouse6_com3d.pickle"
    for key in ("th0.0_wFalse_mean", "th0.6_wFalse_median", "th0.0_wTrue_median"):
        threshold, weighted, method = key.split("_")
        how = Aggregation(float(threshold[2:]), method, weighted == "wTrue")
        trace = read_com_trace(pickle, aggregation=how)
        np.testing.assert_allclose(trace.positions[:, 0], variants[key], atol=1e-7)


def test_labels_of_coms_are_a_trace(disc_scene, tmp_path: Path) -> None:
    two = read_com_trace(disc_scene.com_labels)
    assert two.animals == open_labels(disc_scene.com_labels).skeleton.keypoints
    np.testing.assert_allclose(two.positions, disc_scene.com, atol=1e-6)
    assert np.isnan(two.confidence).all()
    labels = open_labels(disc_scene.com_labels)
    one = replace(
        labels.select_frames([3, 5]),
        skeleton=Skeleton("com", ("COM",)),
        points_3d=labels.points_3d[[3, 5], :, :1],
        **{
            name: getattr(labels, name)[:, [3, 5], :, :1]
            for name in ("points_2d", "states", "labelers", "times")
        },
    )
    path = tmp_path / "x_COM_Label3D_dannce.mat"
    write_dannce(path, dannce_from_labels(path, one, disc_scene.recording.cameras))
    trace = read_com_trace(path)
    np.testing.assert_array_equal(trace.sample_ids, labels.sample_ids[[3, 5]])
    np.testing.assert_allclose(trace.positions, disc_scene.com[[3, 5], :1], atol=1e-6)


def test_labels_of_poses_are_no_trace(disc_scene) -> None:
    with pytest.raises(FileFormatError, match="no COM inside, and its labels are of 4 keypoints"):
        read_com_trace(disc_scene.pose_labels[0])
