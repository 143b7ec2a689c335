"""Label files are noted in ``io.yaml`` for the reference program, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.io_registration import note_in_io
from napari_sdannce.files.reference_config import read_reference_config

if TYPE_CHECKING:
    from pathlib import Path

NEW = [{"label3d_file": "new_a_dannce.mat"}, {"label3d_file": "new_b_dannce.mat"}]
OLD = {"label3d_file": "old_dannce.mat", "com_file": "COM/predict/com3d.mat"}

TEXTS = {
    "without the key": "# ours\ncom_file: x.mat\n",
    "without a line end": "com_file: x.mat",
    "empty key": "exp:\ncom_file: x.mat  # behind\n",
    "empty brackets": "exp: []  # none yet\ncom_file: x.mat\n",
    "in brackets": "exp: [{label3d_file: old_dannce.mat, com_file: COM/predict/com3d.mat}]\n",
    "a block": (
        "exp:\n- label3d_file: old_dannce.mat  # first\n  com_file: COM/predict/com3d.mat\n"
        "# about the next\ncom_file: x.mat\n"
    ),
    "indented, at the end": (
        "com_file: x.mat\nexp:\n    - label3d_file: old_dannce.mat\n"
        "      com_file: COM/predict/com3d.mat"
    ),
    "windows": "com_file: x.mat\r\nexp:\r\n  - {label3d_file: old_dannce.mat}\r\n",
    "windows, in brackets": "# a\r\ncom_file: x.mat\r\nexp: [{label3d_file: old_dannce.mat}]\r\n",
    "keys in brackets": "exp:\n  - {label3d_file: old_dannce.mat}  # a\n\n\ncom_file: x.mat\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_entries_are_added_behind_those_that_are_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "io.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    before = yaml.safe_load(text)
    paths = [tmp_path / each["label3d_file"] for each in NEW]
    note_in_io(tmp_path, "exp", paths)
    after = path.read_text(encoding="utf-8")
    assert yaml.safe_load(after) == {**before, "exp": [*(before.get("exp") or []), *NEW]}
    comments = [line.split("#")[1].strip() for line in text.splitlines() if "#" in line]
    assert all(f"# {comment}" in after for comment in comments)
    assert ("\r\n" in text) == (b"\r\n" in path.read_bytes())
    note_in_io(tmp_path, "exp", paths)  # again: they are there
    assert path.read_text(encoding="utf-8") == after


def test_a_missing_file_is_made_with_the_coms(tmp_path: Path) -> None:
    labels = [tmp_path / "a_dannce.mat", tmp_path / "b_dannce.mat"]
    coms = [tmp_path / "COM" / f"instance{i}com3d.mat" for i in range(2)]
    path = note_in_io(tmp_path, "exp", labels, coms)
    config = read_reference_config(path, folder=tmp_path).config
    assert [each.label3d_file for each in config.exp] == labels
    assert [each.com_file for each in config.exp] == coms


def test_both_lists_are_kept_apart(tmp_path: Path) -> None:
    note_in_io(tmp_path, "exp", [tmp_path / "pose_dannce.mat"])
    path = note_in_io(tmp_path, "com_exp", [tmp_path / "com_dannce.mat"])
    config = read_reference_config(path, folder=tmp_path).config
    assert config.com_exp is not None
    assert config.com_exp[0].label3d_file == tmp_path / "com_dannce.mat"
    assert config.exp[0].label3d_file == tmp_path / "pose_dannce.mat"


@pytest.mark.parametrize("text", ["exp: 5\n", "no_such_key: 1\n", "- a\n"])
def test_what_is_no_configuration_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "io.yaml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"io\.yaml"):
        note_in_io(tmp_path, "exp", [tmp_path / "a_dannce.mat"])
    assert path.read_text() == text
