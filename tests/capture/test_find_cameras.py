"""Kinds of cameras come by entry points; those that can not be used say how to get them."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from napari_sdannce.capture import find_cameras as search
from napari_sdannce.capture.cameras import CameraError, Capabilities
from napari_sdannce.capture.find_cameras import find_cameras, open_back_end
from napari_sdannce.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.capture.cameras import BackEnd, Camera, CameraInfo

OURS = ["basler", "gentl", "replay", "synthetic", "webcam"]


class Unplugged:
    """A kind of camera of somebody else, whose network is down."""

    name = "lab"
    serials = "a colour"
    capabilities = Capabilities()

    def discover(self) -> Sequence[CameraInfo]:
        raise CameraError("lab cameras: no network")

    def open(self, serial: str) -> Camera:
        raise CameraError("lab cameras: no network")


def register(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    def found(group: str) -> list[EntryPoint]:
        assert group == search.GROUP == "napari_sdannce.cameras"
        return [*ours, EntryPoint(name, value, group)]

    ours = list(search.entry_points(group=search.GROUP))
    monkeypatch.setattr(search, "entry_points", found)


@pytest.mark.parametrize("name", OURS)
def test_ours_are_registered_under_their_names(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "gentl":
        monkeypatch.setenv("GENICAM_GENTL64_PATH", str(request.getfixturevalue("viky")))
    back_end: BackEnd = open_back_end(name)
    assert back_end.name == name
    assert back_end.serials
    assert back_end.capabilities


def test_an_unknown_kind_lists_those_there_are() -> None:
    with pytest.raises(CameraError, match=f"'flir'; there are {', '.join(OURS)}"):
        open_back_end("flir")


@pytest.mark.parametrize(("name", "package"), [("basler", "pypylon"), ("gentl", "genicam")])
def test_an_sdk_that_is_not_installed_is_named_with_the_way_to_get_it(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    found = find_cameras()
    (missing,) = [each for each in found.missing if each.name == name]
    assert f"need the package {package}: pip install 'napari-sdannce[{name}]'" in missing.reason
    assert name not in [back_end.name for back_end in found.back_ends]


@pytest.mark.parametrize("value", ["no_such_package:Cameras", "napari_sdannce.capture:Nothing"])
def test_a_broken_plugin_does_not_hide_the_others(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, "lab", value)
    found = find_cameras()
    assert ("lab", True) in [(each.name, value in each.reason) for each in found.missing]
    assert "synthetic" in [camera.back_end for camera in found.cameras]


def test_a_kind_that_can_not_search_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lab_cameras", SimpleNamespace(Unplugged=Unplugged))
    register(monkeypatch, "lab", "lab_cameras:Unplugged")
    found = find_cameras()
    assert ("lab", "lab cameras: no network") in [(e.name, e.reason) for e in found.missing]
    assert "synthetic" in [camera.back_end for camera in found.cameras]


@pytest.mark.parametrize("error", [OSError("no bus"), RuntimeError("no bus"), ValueError("no bus")])
def test_a_kind_that_fails_in_its_own_way_does_not_hide_the_others(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Unplugged):
        def discover(self) -> Sequence[CameraInfo]:
            raise error

    monkeypatch.setitem(sys.modules, "lab_cameras", SimpleNamespace(Failing=Failing))
    register(monkeypatch, "lab", "lab_cameras:Failing")
    found = find_cameras()
    assert ("lab", "no bus") in [(e.name, e.reason) for e in found.missing]
    assert "synthetic" in {each.back_end for each in found.cameras}


def test_the_command_lists_cameras_and_kinds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENICAM_GENTL64_PATH", raising=False)
    main(["cameras"])
    lines = capsys.readouterr().out.splitlines()
    assert "basler     0815-0003  Emulation" in lines
    assert "synthetic  6          test pattern" in lines
    assert "replay: none found (serial: path of a video, or of the folder of one camera)" in lines
    (gentl,) = [line for line in lines if line.startswith("gentl")]
    assert "can not be used: GenTL cameras need their maker's software" in gentl


def test_the_page_tells_the_levels_of_the_code(
    checkout: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENICAM_GENTL64_PATH", str(request.getfixturevalue("viky")))
    page = (checkout / "docs" / "capture.md").read_text(encoding="utf-8")
    table = page[page.index("starts exposures together") :]
    for name in OURS:
        (line,) = re.findall(rf"^\| `{name}` \|(.*)\|$", table, re.MULTILINE)
        cells = [cell.strip() for cell in line.split("|")]
        levels = list(asdict(open_back_end(name).capabilities).values())
        assert len(cells) == len(levels)
        for cell, level in zip(cells, levels, strict=True):
            assert cell.startswith(level), (name, cell)
