"""COM files: MATLAB ones, and pickles that are never executed."""

from __future__ import annotations

import json
import pickle
import pickletools

import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.com_mat import read_com, read_instance_coms, write_com
from napari_sdannce.files.com_pickle import Aggregation, aggregate
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.pickled_arrays import PickledArray, PickleError
from napari_sdannce.files.plain_pickle import load_plain_pickle


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_several_animals(small, tmp_path, version):
    com = read_com(write_mat(tmp_path / "com3d.mat", small.com(), version=version))
    assert com.positions.shape == (4, 2, 3)
    assert com.positions[1, 1].tolist() == small.com()["com"][1, :, 1].tolist()
    assert com.sample_ids.tolist() == [0, 1, 2, 3]
    assert com.metadata["camnames"].tolist() == ["left ", "right"]


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (3,)])
def test_one_animal(tmp_path, shape):
    values = np.arange(float(np.prod(shape))).reshape(shape)
    count = len(values) if values.ndim == 2 else 1
    content = {"com": values, "sampleID": np.arange(count)[:, None]}
    com = read_com(write_mat(tmp_path / "com3d.mat", content, version="7.3"))
    np.testing.assert_array_equal(com.positions[:, 0], values.reshape(-1, 3))


def test_inside_a_label_file(small, tmp_path):
    com = read_com(write_mat(tmp_path / "x_dannce.mat", small.dannce()))
    assert com.positions.shape == (20, 1, 3)
    assert com.sample_ids[:2].tolist() == [1, 11]


def test_lengths_that_disagree(tmp_path):
    content = {"com": np.ones((5, 3)), "sampleID": np.arange(4)[None]}
    com = read_com(write_mat(tmp_path / "com3d.mat", content))
    assert len(com.positions) == 4
    assert com.problems == ("5 positions for 4 sample IDs; the first 4 are used",)


def test_refusals(tmp_path):
    path = write_mat(tmp_path / "a.mat", {"com": np.ones((5, 4)), "sampleID": np.arange(5)[None]})
    with pytest.raises(FileFormatError, match=r"shape \(5, 4\)"):
        read_com(path)
    path = write_mat(tmp_path / "b.mat", {"com": np.ones((5, 3))})
    with pytest.raises(FileFormatError, match="sampleID"):
        read_com(path)
    with pytest.raises(FileNotFoundError):
        read_com(tmp_path / "none.pickle")


def test_written_as_the_reference_does(tmp_path):
    positions = np.arange(24.0).reshape(4, 2, 3)
    files = write_com(tmp_path, positions, np.arange(4), start=30, metadata={"a": None, "b": 2})
    names = [path.name for path in files]
    assert names == ["com3d30.mat", "instance0com3d30.mat", "instance1com3d30.mat"]
    stored = scipy.io.loadmat(files[0])
    assert stored["com"].shape == (4, 3, 2)
    assert stored["sampleID"].dtype == np.int64
    assert stored["sampleID"].shape == (1, 4)
    assert stored["metadata"]["a"][0, 0].tolist() == ["None"]
    assert scipy.io.loadmat(files[2])["com"].tolist() == positions[:, 1].tolist()
    np.testing.assert_array_equal(read_com(files[0]).positions, positions)
    both = read_instance_coms(files[1:])
    np.testing.assert_array_equal(both.positions, positions)
    assert [p.name for p in write_com(tmp_path, positions[:, :1], np.arange(4))] == ["com3d.mat"]
    with pytest.raises(ValueError, match="shape"):
        write_com(tmp_path, positions[0], np.arange(4))


def test_instances_over_the_moments_all_have(tmp_path):
    write_com(tmp_path / "a", np.arange(9.0).reshape(3, 1, 3), np.array([5, 1, 3]))
    write_com(tmp_path / "b", np.arange(9.0).reshape(3, 1, 3), np.array([3, 5, 9]))
    both = read_instance_coms([tmp_path / "a" / "com3d.mat", tmp_path / "b" / "com3d.mat"])
    assert both.sample_ids.tolist() == [3, 5]
    assert both.positions[:, 0, 0].tolist() == [6, 0]
    assert both.positions[:, 1, 0].tolist() == [0, 3]
    assert len(both.problems) == 2


def pickled(folder, content, protocol=4):
    path = folder / "com3d.pickle"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_pickles(small, tmp_path, protocol):
    path = pickled(tmp_path, small.pickled_com(), protocol)
    com = read_com(path)
    assert com.sample_ids.tolist() == [1, 11, 21]
    assert com.positions[0, 0].tolist() == [3, 4, 5]
    # confidences 0.3, 0.6, 0.9
    assert read_com(path, aggregation=Aggregation(0.5)).positions[1, 0].tolist() == [9, 10, 11]
    assert np.isnan(read_com(path, aggregation=Aggregation(0.7)).positions).all()
    mean = read_com(path, aggregation=Aggregation(method="mean")).positions[0, 0]
    assert mean.tolist() == [4, 5, 6]
    weighted = read_com(path, aggregation=Aggregation(weighted=True)).positions[0, 0, 0]
    assert weighted == pytest.approx((0.18 * 1 + 0.27 * 3 + 0.54 * 8) / 0.99)


def test_older_pickles_count_moments(small, tmp_path):
    content = {int(key[2:]): moment for key, moment in small.pickled_com().items()}
    assert read_com(pickled(tmp_path, content, 2)).sample_ids.tolist() == [1, 11, 21]


def test_pickles_of_several_animals(tmp_path):
    instances = [np.array([[1.0], [2], [3]]), np.array([[4.0], [5], [6]])]
    content = {"0_7": {"a": {}, "triangulation": {"instances": instances}}}
    com = read_com(pickled(tmp_path, content))
    assert com.positions.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_pairs_without_a_position_do_not_count():
    points = np.array([[[1.0, 1, 1], [np.nan, np.nan, np.nan], [3, 3, 3]]])
    found = aggregate(points, np.ones((1, 3)), Aggregation())
    assert found.tolist() == [[2, 2, 2]]


class Exploit:
    """Runs a function when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_are_not_executed(tmp_path, protocol):
    trace = tmp_path / "trace"
    path = pickled(tmp_path, {"0_1": Exploit(trace)}, protocol)
    with pytest.raises(FileFormatError, match="open, which is no plain data"):
        read_com(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())["0_1"].close()
    assert trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"\x80\x04N",  # no end
        b"\x80\x04Nr\xff\xff\xff\xffr\xff\xff\xff\xfe",  # memo at 4 billion, then the end
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",  # bytes of 8 EiB
        b"\x80\x04X\xff\xff\xff\xffabc.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"\x80\x02(I1\nI2\ntcnumpy\nndarray\nR.",
        b"\x80\x04]\x94h\x00aj\x05\x00\x00\x00.",
        b"(lp0\ng0\na" + b"2" * 50,
        b"\x80\x04})" + b"\x85" * 300_000 + b"Ns.",  # hash of a deep tuple
        b"\x80\x04}q\x00}q\x00.",  # another value under the same number
        b"\x80\x02c_codecs\nencode\nq\x00X\x10\x27\x00\x00"
        + b"a" * 10_000  # the same bytes made
        + b"X\x06\x00\x00\x00latin1\x86q\x01R0"
        + b"h\x00h\x01R" * 10_000
        + b".",  # again and again
        b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00U1\x85Rq\x000cnumpy.core.multiarray\nscalar\n"
        b"h\x00C\x04\xff\xff\xff\xff\x86R.",  # no letter
        rb"S'\q'"[:4] + b"'\n.",
        # pairs of pairs of pairs, whose text has no end, as type, as shape, as name
        b"\x80\x02cnumpy\ndtype\n)" + b"2\x86" * 60 + b"\x85R.",
        b"\x80\x02cnumpy._core.numeric\n_frombuffer\n(C\x00cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R)"
        + b"2\x86" * 60
        + b"\x85X\x01\x00\x00\x00CtR.",
        b"\x80\x04)" + b"2\x86" * 60 + b"\x8c\x01a\x93.",
        b"0.",
        b"(1.",
        b"t.",
    ],
)
def test_hostile_pickles(tmp_path, content):
    path = tmp_path / "com3d.pickle"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="expected a COM pickle"):
        read_com(path)


def test_arrays_must_be_as_long_as_they_claim():
    whole = pickle.dumps(np.arange(6.0).reshape(2, 3), protocol=4)
    assert load_plain_pickle(whole).array().tolist() == [[0, 1, 2], [3, 4, 5]]
    at = next(p for op, arg, p in pickletools.genops(whole) if op.name == "BININT1" and arg == 2)
    broken = whole[: at + 1] + b"\xc8" + whole[at + 2 :]
    with pytest.raises(PickleError, match="shape"):
        load_plain_pickle(broken)


SEVERAL = {
    "points": [np.arange(3.0) + i for i in range(200)],
    "views": [np.full((2, 2), i, dtype="f4") for i in range(100)],
    "turned": [np.asfortranarray(np.arange(6.0).reshape(2, 3) + i) for i in range(3)],
    "columns": [np.full((3, 1), i) for i in range(3)],
    "kinds": [np.array([1, 2], dtype=d) for d in ("?", "u1", "i2", "<i4", ">i4", ">f8", "f2")],
    "small": [np.zeros(0), np.ones(1, "u1"), np.ones(1, "u1"), np.array(5.0), np.zeros((2, 0))],
    "texts": [np.array(["a", "bc"]), np.array([b"a", b"bc"])],
    "long": [np.arange(40.0), np.arange(40.0) + 1],
    "numbers": [np.float32(i / 3) for i in range(100)] + [np.float64(0.1), np.int16(-3)],
    "words": [np.str_("Camera1"), np.str_("\u00fc\U0001f400"), np.bytes_(b"x")],
    "shared": [np.arange(2.0)] * 3,
    "plain": [None, True, 1, -(2**70), 0.5, "text", b"bytes", (1, (2, 3)), {"a": {1: []}}],
}


def plain(value):
    if isinstance(value, PickledArray):
        value = value.array()
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.newbyteorder("="), value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return value


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_are_what_python_makes_of_them(protocol):
    whole = pickle.dumps([SEVERAL, SEVERAL["views"], dict(SEVERAL)], protocol=protocol)
    assert plain(load_plain_pickle(whole)) == plain(pickle.loads(whole))


def test_pickles_of_python_2():
    """Its fast pickler counts what it remembers from 1."""
    whole = b"(lp1\nS'a\\'b'\np2\na(dp3\nS'x'\nI1\nsag2\nag3\na."
    assert load_plain_pickle(whole) == pickle.loads(whole) == ["a'b", {"x": 1}, "a'b", {"x": 1}]


@pytest.mark.parametrize("content", [b"(lp5\n.", b"(lp0\ng-1\n.", b"(lp0\ng7\n.", b"]r\0\0\0\x10."])
def test_numbers_of_values_that_cannot_be(content):
    with pytest.raises(PickleError, match="number"):
        load_plain_pickle(content)


def test_shared_values_do_not_multiply(tmp_path):
    """A small file that names one moment ten thousand times, each with 190 pairs."""
    cameras = {f"c{i}": {"pred_max": 1.0} for i in range(20)}
    moment = {**cameras, "triangulation": {}}
    path = pickled(tmp_path, {f"0_{i}": moment for i in range(10_000)})
    with pytest.raises(FileFormatError, match="positions in"):
        read_com(path)


@pytest.mark.golden
class TestReference:
    @pytest.mark.parametrize("name", ["single_mouse6", "single_mouse6_crop", "multichannel_rat6"])
    def test_files(self, golden, tmp_path, name):
        """The pickle gives what the reference wrote; and we write what it wrote."""
        path = golden / f"com_{name}_com3d.mat"
        com = read_com(path)
        from_pickle = read_com(golden / f"com_{name}_com3d.pickle")
        np.testing.assert_array_equal(from_pickle.positions, com.positions)
        np.testing.assert_array_equal(from_pickle.sample_ids, com.sample_ids)
        expected = np.load(golden / f"com_{name}.npz")
        truth = expected["com3d"] if "com3d" in expected else expected["com"]
        shape = com.positions.shape
        truth = truth[:, None] if truth.ndim == 2 else np.transpose(truth, (0, 2, 1))
        np.testing.assert_allclose(com.positions, truth.reshape(shape), atol=1e-9)
        ours = write_com(tmp_path, com.positions, com.sample_ids, metadata=com.metadata)[0]
        same_layout(path, ours)

    @pytest.mark.parametrize("name", ["single_mouse6", "single_mouse6_crop"])
    def test_aggregations(self, golden, name):
        variants = json.loads((golden / f"com_{name}_variants.json").read_text(encoding="utf-8"))
        assert len(variants) >= 4
        for key, expected in variants.items():
            threshold, weighted, method = key.split("_")
            how = Aggregation(float(threshold[2:]), method, weighted == "wTrue")
            com = read_com(golden / f"com_{name}_com3d.pickle", aggregation=how)
            # the reference weighs in single precision
            np.testing.assert_allclose(com.positions[:, 0], expected, atol=1e-7, err_msg=key)


@pytest.mark.realdata
def test_real_file(shared_data):
    com = read_com(shared_data / "label3d" / "markerless_mouse_1_com3d.mat")
    assert com.positions.shape == (100, 1, 3)
    assert com.sample_ids[:3].tolist() == [1, 11, 21]
    assert com.metadata["camnames"].tolist() == [f"Camera{i}" for i in range(1, 7)]


def same_layout(expected, found):
    """Same variables, shapes, dtypes and values in both files."""
    before, after = scipy.io.loadmat(expected), scipy.io.loadmat(found)
    names = {name for name in before if not name.startswith("__")}
    assert names == {name for name in after if not name.startswith("__")}
    for name in names:
        assert before[name].shape == after[name].shape, name
        assert before[name].dtype == after[name].dtype, name
        if before[name].dtype.names is None:
            np.testing.assert_array_equal(before[name], after[name])
        else:
            for field in before[name].dtype.names:
                one, other = before[name][field][0, 0], after[name][field][0, 0]
                assert one.shape == other.shape, field
                assert one.dtype == other.dtype, field
                np.testing.assert_array_equal(one, other)
