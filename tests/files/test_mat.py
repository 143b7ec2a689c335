"""MATLAB files, version 5 and 7.3, against SciPy's reader, MATLAB's layout and hostile claims."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import h5py
import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.mat import read_mat, write_mat
from napari_sdannce.files.mat_values import (
    StructArray,
    cell_column,
    cell_row,
    class_of,
    equal_values,
    with_class,
)
from napari_sdannce.files.moment_blocks import MomentBlocks, Zeros


def values():
    table = StructArray((1, 2), ("a", "b"), ({"a": "x", "b": np.eye(2)}, {"a": "", "b": np.eye(3)}))
    return {
        "double": np.arange(6.0).reshape(2, 3),
        "tall": np.arange(4, dtype=np.int32)[:, None],
        "volume": np.arange(24, dtype=np.uint16).reshape(2, 3, 4),
        "single": np.array([[np.nan, np.inf]], dtype=np.float32),
        "empty": np.zeros((0, 3)),
        "text": "Grüße",
        "no_text": "",
        "rows": np.array(["Camera1", "Camera2"]),
        "row_cell": cell_row(["a", np.eye(2), cell_column([np.ones((1, 1))])]),
        "struct": {"zulu": np.ones((1, 1)), "alpha": {"inner": "deep"}},
        "structs": table,
        "big": np.array([[2**62, -(2**62)]]),
        "logical": with_class(np.array([[1, 0]], dtype=np.uint8), "logical"),
        "small_double": with_class(np.array([[7, 250]], dtype=np.uint8), "double"),
        "complex": np.array([[1 + 2j]]),
    }


@pytest.mark.parametrize("compress", [True, False])
def test_version_5_keeps_everything(tmp_path, compress):
    path = write_mat(tmp_path / "a.mat", values(), compress=compress)
    found = read_mat(path)
    assert found.version == "5"
    assert list(found.variables) == list(values())
    for name, value in values().items():
        assert equal_values(found.variables[name], value), name


def test_version_73_keeps_everything_but_the_stored_type_of_doubles(tmp_path):
    found = read_mat(write_mat(tmp_path / "a.mat", values(), version="7.3"))
    assert found.version == "7.3"
    small = found.variables["small_double"]
    assert small.dtype == np.float64
    assert small.tolist() == [[7, 250]]
    for name, value in values().items():
        if name != "small_double":
            assert equal_values(found.variables[name], value), name


def test_scipy_reads_what_is_written(tmp_path):
    path = write_mat(tmp_path / "a.mat", values())
    stored = scipy.io.loadmat(path)
    assert stored["volume"].dtype == np.uint16
    assert np.array_equal(stored["volume"], values()["volume"])
    assert stored["text"].tolist() == ["Grüße"]
    assert stored["rows"].tolist() == ["Camera1", "Camera2"]
    assert stored["row_cell"].shape == (1, 3)
    assert stored["structs"].shape == (1, 2)
    assert stored["structs"]["b"][0, 1].shape == (3, 3)
    assert stored["struct"].dtype.names == ("zulu", "alpha")
    assert stored["small_double"].dtype == np.uint8
    in_matlab = scipy.io.loadmat(path, mat_dtype=True, variable_names=["small_double", "logical"])
    assert in_matlab["small_double"].dtype == np.float64
    assert in_matlab["logical"].dtype == np.bool_


def test_what_scipy_writes_is_read(tmp_path):
    path = tmp_path / "a.mat"
    content = {
        "x": np.arange(6, dtype=np.int16).reshape(2, 3),
        "flag": np.array([[True, False]]),
        "name": "abc",
        "cell": np.array([["a", np.eye(2)]], dtype=object),
        "s": {"n": 3.0, "list": ["p", "quu"]},
        "sparse": scipy.sparse.csc_array(np.diag([1.0, 0, 3])),
    }
    scipy.io.savemat(path, content, do_compression=True)
    found = read_mat(path).variables
    assert np.array_equal(found["x"], content["x"])
    assert found["x"].dtype == np.int16
    assert class_of(found["flag"]) == "logical"
    assert found["name"] == "abc"
    assert found["cell"].shape == (1, 2)
    assert found["s"]["list"].tolist() == ["p  ", "quu"]
    assert found["sparse"].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 3]]


def test_big_endian(tmp_path):
    def element(kind, data):
        return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    body = (
        element(6, struct.pack(">II", 6, 0))
        + element(5, struct.pack(">ii", 1, 2))
        + element(1, b"x")
        + element(9, struct.pack(">dd", 1.5, -2.0))
    )
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    path = tmp_path / "a.mat"
    path.write_bytes(head + element(14, body))
    assert read_mat(path).variables["x"].tolist() == [[1.5, -2.0]]


def test_version_73_in_matlabs_own_layout(tmp_path):
    """What MATLAB writes: transposed data, class attributes, references into ``#refs#``."""
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:

        def put(place, name, data, kind, **attributes):
            item = place.create_dataset(name, data=data)
            item.attrs["MATLAB_class"] = np.bytes_(kind)
            for key, value in attributes.items():
                item.attrs[key] = value
            return item

        put(file, "wide", np.array([[1.0], [2], [3]]), "double")
        put(file, "text", np.array([[72], [105]], dtype=np.uint16), "char", MATLAB_int_decode=2)
        put(file, "flag", np.array([[1]], dtype=np.uint8), "logical", MATLAB_int_decode=1)
        put(file, "none", np.array([0, 3], dtype=np.uint64), "single", MATLAB_empty=1)
        pool = file.create_group("#refs#")
        put(pool, "a", np.array([[5.0]]), "double")
        put(pool, "b", np.array([[111], [107]], dtype=np.uint16), "char")
        put(pool, "c", np.array([[3707764736]], dtype=np.uint32), "string", MATLAB_object_decode=3)
        references = np.array([[pool["a"].ref], [pool["b"].ref], [pool["c"].ref]], h5py.ref_dtype)
        put(file, "cell", references, "cell")
        group = file.create_group("s")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        put(group, "t", np.array([1.0, 2, 3]), "double")
        array = file.create_group("many")
        array.attrs["MATLAB_class"] = np.bytes_("struct")
        array.create_dataset("f", data=references[:2])
        file.create_group("#subsystem#")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    found = read_mat(path)
    variables = found.variables
    assert variables["wide"].tolist() == [[1, 2, 3]]
    assert variables["text"] == "Hi"
    assert class_of(variables["flag"]) == "logical"
    assert variables["none"].shape == (0, 3)
    assert variables["none"].dtype == np.float32
    assert variables["cell"].shape == (1, 3)
    assert variables["cell"][0, 0].tolist() == [[5]]
    assert variables["cell"][0, 1] == "ok"
    assert found.dropped == ("cell{3} (string)",)
    assert variables["s"]["t"].tolist() == [1, 2, 3]
    assert [element["f"] for element in variables["many"].elements][1] == "ok"
    assert variables["many"].shape == (1, 2)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_blocks_are_written_as_the_whole(tmp_path, n, compress):
    rng = np.random.default_rng(0)
    pred, ids = rng.normal(size=(n, 2, 3, 4)), rng.integers(99, size=n)

    def some(array):
        blocks = (array[:3], array[3:5], array[5:])
        return MomentBlocks(len(array), lambda: iter(blocks), array[:0])

    middle = some(pred).arranged(lambda block: block.swapaxes(0, 1), axis=1)
    row = some(ids).arranged(lambda block: block[None], axis=1)
    ours = write_mat(
        tmp_path / "blocks.mat",
        {
            "pred": some(pred),
            "data": Zeros(pred.shape),
            "middle": middle,
            "ids": replace(row, dtype="i8"),
        },
        compress=compress,
    )
    whole = write_mat(
        tmp_path / "whole.mat",
        {
            "pred": pred,
            "data": np.zeros_like(pred),
            "middle": pred.swapaxes(0, 1),
            "ids": ids[None],
        },
        compress=compress,
    )
    assert ours.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocks.mat", "whole.mat"]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_only_what_is_wanted(tmp_path, version):
    path = write_mat(tmp_path / "a.mat", values(), version=version)
    found = read_mat(path, only=["text", "tall", "absent"])
    assert set(found.variables) == {"text", "tall"}
    assert set(found.names) == set(values())


def test_an_existing_file_is_kept(tmp_path):
    path = write_mat(tmp_path / "a.mat", {"x": np.eye(2)})
    with pytest.raises(FileExistsError, match=r"a\.mat exists and is not replaced; choose another"):
        write_mat(path, {"x": np.eye(3)})
    assert read_mat(path).variables["x"].shape == (2, 2)
    write_mat(path, {"x": np.eye(3)}, overwrite=True)
    assert read_mat(path).variables["x"].shape == (3, 3)


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    path = write_mat(tmp_path / "a.mat", {"x": np.eye(2)})
    with pytest.raises(ValueError, match="'y'"):
        write_mat(path, {"y": np.array(["2020"], dtype="M8[Y]")}, overwrite=True)
    assert read_mat(path).variables["x"].shape == (2, 2)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path, small_disk, version):
    path = write_mat(tmp_path / "a.mat", {"x": np.eye(2)}, version=version)
    noise = np.random.default_rng(0).normal(size=(300, 300))
    with small_disk(), pytest.raises(OSError, match="too large") as full:
        write_mat(path, {"x": noise}, version=version, overwrite=True)
    assert full.value.filename == str(path)
    assert read_mat(path).variables["x"].shape == (2, 2)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        write_mat(tmp_path / "none" / "a.mat", {"x": np.eye(2)})
    said = f"there is no folder {tmp_path / 'none'} to write a.mat into; make it first"
    assert str(error.value) == said


def test_other_endings_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"imp\.txt: .* must end in '\.mat'"):
        write_mat(tmp_path / "imp.txt", {"x": np.eye(2)})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04\x14\0\0\0" + bytes(600), "a zip archive"),
        ("Grüße\n".encode() * 100, "a text file"),
        (bytes(range(128, 256)) * 5, "a file of another kind"),
    ],
)
def test_what_is_no_matlab_file_is_told_in_words(tmp_path, content, kind):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(FileFormatError, match=f"not readable: it is {kind}; expected a MATLAB"):
        read_mat(tmp_path / "x.mat")


def head():
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def variable(kind, shape, *parts):
    def element(number, data):
        return struct.pack("<II", number, len(data)) + data + b"\0" * (-len(data) % 8)

    body = (
        element(6, struct.pack("<II", kind, 0))
        + element(5, struct.pack(f"<{len(shape)}i", *shape))
        + element(1, b"x")
        + b"".join(element(*part) for part in parts)
    )
    return element(14, body)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no MATLAB file at all, but quite some text" * 10,
        head() + variable(1, (2**31 - 1, 4)),  # a cell of 2**33 elements
        head()
        + variable(2, (2**31 - 1, 1), (5, struct.pack("<i", 32)), (1, b"f".ljust(32, b"\0"))),
        head() + variable(2, (2**31 - 1, 2**31 - 1), (5, struct.pack("<i", 32)), (1, b"")),
        head() + variable(6, (2**31 - 1, 2**31 - 1), (9, b"\0" * 16)),  # numbers that are not there
        head() + variable(5, (2**31 - 1, 2**31 - 1), (5, b"\0" * 4), (5, b"\0" * 8), (9, b"")),
        head() + variable(6, (-1, 2), (9, b"")),
        head() + struct.pack("<II", 14, 2**32 - 1),
        head() + struct.pack("<II", 15, 12) + zlib.compress(struct.pack("<II", 14, 2**32 - 1))[:12],
        b"\x89HDF\r\n\x1a\n" + b"\0" * 600,
    ],
)
def test_hostile_claims_are_refused(tmp_path, content):
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.mat: .*expected a MATLAB file"):
        read_mat(path)


def test_claims_without_data_in_hdf5(tmp_path):
    """A dataset that no chunk was written of takes no room in the file, but 2 GiB in memory."""
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        item = file.create_dataset("x", (2**14, 2**14), dtype="f8", chunks=(64, 64))
        item.attrs["MATLAB_class"] = np.bytes_("double")
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="claims 2147483648 bytes"):
        read_mat(path)


def test_millions_of_empty_cells(tmp_path):
    """Each takes 8 bytes before compression, 100 and more in memory."""
    body = variable(1, (5_000_000, 1)) + b"\x0e\0\0\0\0\0\0\0" * 5_000_000
    packed = zlib.compress(struct.pack("<II", 14, len(body) - 8) + body[8:], 1)
    path = tmp_path / "a.mat"
    path.write_bytes(head() + struct.pack("<II", 15, len(packed)) + packed)
    assert path.stat().st_size < 500_000
    with pytest.raises(FileFormatError, match="more than 4000000 cells"):
        read_mat(path)


def test_deep_nesting_is_refused(tmp_path):
    cell = np.ones((1, 1))
    for _ in range(100):
        cell = cell_row([cell])
    path = write_mat(tmp_path / "a.mat", {"x": cell})
    with pytest.raises(FileFormatError, match="nest"):
        read_mat(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_mat(tmp_path / "none.mat")
    with pytest.raises(FileFormatError):
        read_mat(tmp_path)


@pytest.mark.realdata
def test_real_files_are_the_same_to_scipy_after_rewriting(shared_data, tmp_path):
    """Value, stored type, class and orientation of every variable, as SciPy sees them."""
    files = sorted((shared_data / "label3d").glob("*.mat"))
    assert len(files) == 7
    for path in files:
        found = read_mat(path)
        copy = write_mat(tmp_path / path.name, found.variables)
        for mat_dtype in (False, True):
            before = scipy.io.loadmat(path, mat_dtype=mat_dtype)
            after = scipy.io.loadmat(copy, mat_dtype=mat_dtype)
            for name in found.variables:
                assert_same(before[name], after[name], f"{path.name} {name}")


def assert_same(before, after, where):
    if type(before).__name__ == "MatlabOpaque":
        return
    assert before.shape == after.shape, where
    if before.dtype.names:
        assert before.dtype.names == after.dtype.names, where
        for name in before.dtype.names:
            assert_same(before[name], after[name], f"{where}.{name}")
    elif before.dtype == object:
        for one, other in zip(before.flat, after.flat, strict=True):
            assert_same(one, other, where)
    else:
        assert before.dtype == after.dtype, where
        np.testing.assert_array_equal(before, after, err_msg=where)
