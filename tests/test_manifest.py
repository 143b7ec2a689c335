"""What napari is told about us is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

npe2 = pytest.importorskip("npe2")


@pytest.fixture(scope="module")
def manifest() -> npe2.PluginManifest:
    return npe2.PluginManifest.from_distribution("napari-sdannce")


def test_everything_named_can_be_imported(manifest: npe2.PluginManifest) -> None:
    manifest.validate_imports()


def test_menus_exist_in_napari(manifest: npe2.PluginManifest) -> None:
    """A menu that napari does not let plugins add to is dropped without a word."""
    from napari._app_model.constants import MenuId

    allowed = {menu.value for menu in MenuId.contributables()}
    own = {submenu.id for submenu in manifest.contributions.submenus or ()}
    assert set(manifest.contributions.menus) <= allowed | own


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("20260101_DANNCE_Label3D_rat1_dannce.mat", True),
        ("20260101_120000_Label3D.mat", True),
        ("com3d.mat", True),
        ("instance0com3d.mat", True),
        ("save_data_AVG.mat", True),
        ("save_data_MAX.mat", True),
        ("0.mp4", True),
        ("0.AVI", True),
        ("clip.mkv", True),
        ("sdannce.yaml", True),
        ("picture.tif", False),
        ("results.mat", False),
        ("other.yaml", False),
    ],
)
def test_which_files_are_ours(
    manifest: npe2.PluginManifest, tmp_path: Path, name: str, ours: bool
) -> None:
    (tmp_path / name).write_bytes(b"")
    manager = npe2.PluginManager()
    manager.register(manifest)
    found = list(manager.iter_compatible_readers([str(tmp_path / name)]))
    assert bool(found) == ours


def test_folders_and_writers(manifest: npe2.PluginManifest, tmp_path: Path) -> None:
    manager = npe2.PluginManager()
    manager.register(manifest)
    assert list(manager.iter_compatible_readers([str(tmp_path)]))
    several = manager.iter_compatible_writers(["points", "points", "points"])
    assert {tuple(writer.filename_extensions) for writer in several} == {(".npz",)}
    one = {
        tuple(writer.filename_extensions) for writer in manager.iter_compatible_writers(["points"])
    }
    assert one == {(".npz",), (".mat",)}
