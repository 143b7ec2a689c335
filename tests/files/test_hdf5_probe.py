"""The HDF5 library is let near a file only after it survived it elsewhere."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

from napari_sdannce.files import FileFormatError, hdf5_probe
from napari_sdannce.files.hdf5_probe import UnsafeHdf5Error, probe_hdf5
from napari_sdannce.files.hdf5_trial import TOO_LARGE
from napari_sdannce.files.mat import read_mat, write_mat

# each stands in for the library meeting damaged bytes
FATES = {
    "crash": ("import os; os.abort()", "crashes on it"),
    "loop": ("while True: pass", "did not finish it in 0 s"),
    "bomb": (f"import sys; sys.exit({TOO_LARGE})", "more memory"),
}


@pytest.fixture
def path(tmp_path):
    return write_mat(tmp_path / "a.mat", {"x": np.eye(2)}, version="7.3")


@pytest.mark.parametrize("fate", FATES)
def test_what_kills_another_process_is_not_read(path, tmp_path, monkeypatch, fate):
    script, message = FATES[fate]
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(hdf5_probe, "_SCRIPT", tmp_path / "script.py")
    if fate == "loop":
        monkeypatch.setattr(hdf5_probe, "_SECONDS", 0.3)
    with pytest.raises(FileFormatError, match=message):
        read_mat(path)


def test_sound_files_pass(path):
    probe_hdf5(path)
    assert read_mat(path).variables["x"].shape == (2, 2)


def test_what_the_library_itself_refuses_passes(tmp_path):
    """Its own error says more."""
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    probe_hdf5(path)


def test_without_a_python_to_start_files_are_trusted(path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(path.with_name("no_python")))
    probe_hdf5(path)


def test_everything_is_touched(tmp_path):
    """References, attributes and the first rows of large data; a claim without data is cheap."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        item = file.create_dataset("a/b", data=np.arange(5))
        item.attrs["note"] = "text"
        references = file.create_dataset("r", (2,), dtype=h5py.ref_dtype)
        references[0] = item.ref
        file.create_dataset("large", (2**20, 2**12), dtype="f8", chunks=(1, 2**12))
    done = subprocess.run([sys.executable, "-P", str(hdf5_probe._SCRIPT), str(path)], check=False)
    assert done.returncode == 0


def test_the_error_is_one_of_values():
    assert issubclass(UnsafeHdf5Error, ValueError)
