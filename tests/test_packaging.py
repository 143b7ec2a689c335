"""The wheel, also when built from an sdist, holds the manifest, the skeletons and the sample."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from napari_sdannce.skeletons import builtin_skeletons

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {
    "napari_sdannce/napari.yaml",
    "napari_sdannce/py.typed",
    "napari_sdannce/skeletons/rat23.yaml",
    "napari_sdannce/skeletons/mouse14.yaml",
    "napari_sdannce/sample_data/two_rats/calibration.toml",
    "napari_sdannce/sample_data/two_rats/videos/Camera6/0.mp4",
}


def build(source: Path, what: str, out: Path) -> Path:
    """Build a wheel or sdist of `source` and return the file."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", what, "-d", str(out)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, "wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_everything_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert set(names) >= NEEDED
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_wheel_entry_points(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (path,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    text = archive.read(path).decode()
    assert "sdannce = napari_sdannce.cli:main" in text
    assert "napari-sdannce = napari_sdannce:napari.yaml" in text


def test_sdist_builds_the_same_wheel(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    sdist = build(checkout, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    rebuilt = build(source, "wheel", tmp_path / "wheel")
    assert set(zipfile.ZipFile(rebuilt).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_wheel_works_when_unpacked(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import napari_sdannce as sd;"
        "assert sd.__file__.startswith(sys.argv[1]), sd.__file__;"
        "print(len(sd.load_skeleton('rat23').keypoints))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "23"


def test_this_install_finds_its_files() -> None:
    package = files("napari_sdannce")
    assert (package / "napari.yaml").is_file()
    assert (package / "sample_data" / "two_rats" / "calibration.toml").is_file()
    assert len(builtin_skeletons()) == 11


def test_no_file_is_heavy(wheel: Path) -> None:
    heavy = [i.filename for i in zipfile.ZipFile(wheel).infolist() if i.file_size > 20_000_000]
    assert not heavy


def test_importing_the_package_imports_neither_napari_nor_torch() -> None:
    program = (
        "import sys, napari_sdannce; dir(napari_sdannce);"
        "print([m for m in ('napari', 'torch', 'qtpy', 'zarr') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_versions_agree(checkout: Path) -> None:
    citation = (checkout / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {distribution('napari-sdannce').version}\n" in citation
