"""What `import napari_sdannce` gives, and the README's scripts, taken at their word."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import napari_sdannce as sd
from napari_sdannce.files.pose_mat import write_poses

if TYPE_CHECKING:
    from pathlib import Path


def test_every_name_is_there_and_listed() -> None:
    assert len(sd.__all__) <= 12
    for name in sd.__all__:
        assert name in dir(sd)
        home = import_module(getattr(sd, name).__module__)
        assert getattr(home, name) is getattr(sd, name)
    with pytest.raises(AttributeError, match="no attribute 'open_everything'"):
        sd.open_everything  # noqa: B018


def test_type_checkers_see_the_same_names(checkout: Path) -> None:
    tree = ast.parse((checkout / "src/napari_sdannce/__init__.py").read_text(encoding="utf-8"))
    checked = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imported = [a.name for node in checked.body for a in node.names]
    assert sorted(imported) == sorted(sd.__all__)


def test_opening_loads_neither_napari_nor_torch(checkout: Path) -> None:
    code = (
        "import sys, napari_sdannce as sd; rec = sd.open_recording(sys.argv[1]);"
        "sd.open_labels(rec.label_files[0]); sd.load_skeleton('rat23');"
        "print([name for name in ('napari', 'torch', 'qtpy') if name in sys.modules])"
    )
    sample = str(checkout / "sample_data" / "two_rats")
    command = [sys.executable, "-c", code, sample]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_is_not_installed_is_named() -> None:
    code = "import sys; sys.modules['napari'] = None; import napari_sdannce; {}"
    for name, error in (("open_recording", ""), ("add_recording", "add_recording needs napari")):
        command = [sys.executable, "-c", code.format(f"napari_sdannce.{name}")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert error in run.stderr
        assert (run.returncode != 0) == bool(error)


def test_the_scripts_of_the_readme_run(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    napari = pytest.importorskip("napari")
    components = pytest.importorskip("napari.components")
    monkeypatch.setattr(napari, "Viewer", components.ViewerModel, raising=False)
    monkeypatch.setattr(napari, "run", lambda: None, raising=False)
    sample = checkout / "sample_data" / "two_rats"
    poses = _true_poses(sample)
    write_poses(tmp_path / "save_data_AVG0.mat", poses)
    cameras = sd.open_recording(sample).cameras
    names: dict[str, Any] = {
        "pixels": np.stack([camera.project(poses.positions) for camera in cameras])
    }
    for script in _scripts(checkout / "README.md"):
        script = script.replace("path/to/experiment/DANNCE/predict", str(tmp_path))
        exec(script.replace("path/to/experiment", str(sample)), names)
    assert next(iter(names["viewer"].layers)).name == "Camera1"
    np.testing.assert_allclose(names["found"].points, poses.positions, atol=1e-6)
    assert names["dataset"]["position"].dims == ("time", "space", "keypoint", "individual")


def _scripts(readme: Path) -> list[str]:
    found = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found
    return found


def _true_poses(sample: Path) -> sd.Poses:
    """The truth of the first five frames of the first rat."""
    with np.load(sample / "truth.npz") as truth:
        positions = truth["keypoints"][:5, :1]
    keypoints = sd.load_skeleton("rat23").keypoints
    return sd.Poses(positions, np.ones(positions.shape[:3]), np.arange(5), ("rat1",), keypoints)
