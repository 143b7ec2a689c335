"""Emulated cameras of the real SDKs, videos that say which frame is which, and a clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.back_ends import pylon
from napari_sdannce.capture.back_ends.pictures import Clock
from napari_sdannce.settings.capture import CameraSettings

sys.path.insert(0, str(Path(__file__).parent))
from plugged_board import Plugged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_sdannce.capture.cameras import Camera, Frame

N_EMULATED = 6
PATIENCE_S = 10.0


@pytest.fixture(scope="session", autouse=True)
def emulated_cameras() -> Iterator[None]:
    """Six cameras of Basler's emulator, in this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYLON_CAMEMU", str(N_EMULATED))
        patch.delenv("GENICAM_GENTL64_PATH", raising=False)
        # where ten programs want two cores, emulated cameras take their time to be ready
        patch.setattr(pylon, "READY_S", 30)
        yield


@pytest.fixture(scope="session")
def viky() -> Path:
    """A GenTL producer with three simulated cameras, which genicam brings along."""
    genicam = pytest.importorskip("genicam")
    file = Path(genicam.__file__).parent / "viky.cti"
    if sys.platform == "darwin" and not file.is_file():
        pytest.skip("genicam brings no simulated cameras for macOS")
    return file


@pytest.fixture
def wanted() -> Callable[..., CameraSettings]:
    """Settings of a camera; what is not named stays as the camera has it."""

    def make(**settings: Any) -> CameraSettings:
        return CameraSettings.model_validate(
            {"name": "Camera1", "serial": "any", "buffers": 8} | settings
        )

    return make


@pytest.fixture
def grab() -> Callable[[Camera, int], list[Frame]]:
    """The next frames of a camera, all of which have to come."""

    def frames(camera: Camera, count: int) -> list[Frame]:
        found = []
        for _ in range(count):
            frame = camera.grab(PATIENCE_S)
            assert frame is not None, f"{len(found)} frames of {count}"
            found.append(frame)
        return found

    return frames


@pytest.fixture
def drain() -> Callable[[Camera], list[Frame]]:
    """All frames that still come of a camera that exposes no more."""

    def frames(camera: Camera) -> list[Frame]:
        found = []
        while (frame := camera.grab(0.1)) is not None:
            found.append(frame)
        return found

    return frames


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so."""

    def wait(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline
            threading.Event().wait(0.002)

    return wait


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trigger board's program for this computer; what C++ leaves undefined ends it."""
    compiler = shutil.which("g++")
    if compiler is None and sys.platform != "linux":
        pytest.skip("there is no g++ to compile the trigger board's program with")
    sources = Path(__file__).parents[2] / "firmware" / "trigger_board"
    built = tmp_path_factory.mktemp("firmware") / "trigger_board_host"
    options = ["-std=c++11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]
    if sys.platform == "linux":  # compilers elsewhere call it otherwise
        options += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    files = [*sources.glob("*.cpp"), Path(__file__).with_name("trigger_board_host.cpp")]
    subprocess.run([compiler or "g++", *options, f"-I{sources}", *files, "-o", built], check=True)
    return built


@pytest.fixture
def plug(firmware: Path, tmp_path: Path) -> Iterator[Callable[..., Plugged]]:
    """Plug in a trigger board with a certain time of its clock, silent while it boots."""
    boards = []

    def plug_in(clock_us: int = 0, boot_ms: int = 0) -> Plugged:
        boards.append(Plugged(firmware, tmp_path, clock_us, boot_ms))
        return boards[-1]

    yield plug_in
    for board in boards:
        board.throw_away()


class HandClock(Clock):
    """A clock that moves only when somebody waits for it, or by hand."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000

    def now_ns(self) -> int:
        return self.ns

    def wait(self, changed: threading.Condition, nanoseconds: int) -> None:
        self.ns += nanoseconds


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The kind of cameras "lab", as a package of somebody else would bring it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import lab_cameras

    site = tmp_path_factory.mktemp("site")
    package = site / "lab_cameras-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text(lab_cameras.METADATA)
    (package / "entry_points.txt").write_text(lab_cameras.ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    yield lab_cameras.LabCameras
    lab_cameras.LabCameras.classes.clear()
    lab_cameras.LabCameras.opened.clear()


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A disk that holds so many bytes, in place of one that is nearly full (Linux)."""
    place = tmp_path / "disk"

    def mounted(n_bytes: int) -> Path:
        place.mkdir()
        options = f"size={n_bytes},mode=1777"
        if _as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)):
            pytest.skip("only root may mount a disk, on Linux")
        return place

    yield mounted
    if place.is_mount():
        assert not _as_root("umount", "--lazy", str(place))


def _as_root(*command: str) -> str:
    """Run something that only root may; what went wrong."""
    if sys.platform != "linux":
        return "not here"
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr if done.returncode else ""
