"""What stands in the way of a calibration is told before the search, which takes minutes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration import results
from napari_sdannce.calibration.calibrating import calibrate
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.cli import main
from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.settings.events import Progress
from napari_sdannce.video import VideoWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

BOTH = (CalibrationError, FileFormatError)


@pytest.fixture(scope="module")
def calibrated(filmed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results, with boards that were found."""
    out = tmp_path_factory.mktemp("done") / "calibration"
    list(calibrate(CalibrateSettings(source=filmed.folder, board=filmed.board_file, out=out)))
    return out


def refused(filmed: Any, told: str, kind: Any = Exception, **given: Any) -> None:
    """It is told in these words before anything is searched for."""
    settings = CalibrateSettings(**{"source": filmed.folder, "board": filmed.board_file} | given)
    seen: list[Any] = []
    with pytest.raises(kind, match=told):
        seen += calibrate(settings)
    assert not [event for event in seen if isinstance(event, Progress)]


def tree(folder: Path) -> dict[str, bytes | None]:
    """All there is in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    "name",
    ["report.html", "corners.npz", "boards.npz", "calibrate.yaml", "report.png",
     "hires_cam2_params.mat", "jarvis/Camera3.yaml"],
)  # fmt: skip
def test_no_file_is_replaced_unasked(filmed: Any, tmp_path: Path, name: str) -> None:
    """Whatever it is: without the files by which a calibration is known, too."""
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    before = tree(tmp_path)
    files = ("aniposelib", "hires", "jarvis")
    told = f"out holds {name} already; name another folder"
    refused(filmed, told, FileExistsError, out=tmp_path / "out", files=files)
    assert tree(tmp_path) == before


def test_folders_and_files_do_not_take_each_others_place(filmed: Any, tmp_path: Path) -> None:
    (tmp_path / "one" / "report.html").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "jarvis").write_text("a file")
    before = tree(tmp_path)
    for overwrite in (False, True):
        refused(
            filmed, r"report\.html is a folder, and a file", IsADirectoryError,
            out=tmp_path / "one", overwrite=overwrite,
        )  # fmt: skip
        refused(
            filmed, "jarvis is a file, and a folder", NotADirectoryError,
            out=tmp_path / "other", overwrite=overwrite, files=("jarvis",),
        )  # fmt: skip
    assert tree(tmp_path) == before


def test_of_two_at_once_one_is_refused(
    filmed: Any, calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another one has written in the meantime stays."""
    out, write = tmp_path / "out", results.write_report

    def slowly(*given: Any, **more: Any) -> Any:
        out.mkdir()
        (out / "hires_cam1_params.mat").write_text("of the other")
        return write(*given, **more)

    monkeypatch.setattr(results, "write_report", slowly)
    settings = CalibrateSettings(
        source=filmed.folder, board=filmed.board_file, out=out, found=calibrated
    )
    with pytest.raises(FileExistsError, match=r"holds hires_cam1_params\.mat already"):
        list(calibrate(settings))
    assert tree(tmp_path) == {"out": None, "out/hires_cam1_params.mat": b"of the other"}


def test_places_where_no_folder_can_be(filmed: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    for out, told in (
        (tmp_path / "file", "file is a file; name a folder"),
        (tmp_path / "file" / "x", "file is a file; name a folder"),
        (Path("/proc/x"), "/proc/x'?$"),
        (tmp_path / ("a" * 300), "a{300}"),
        (tmp_path / "b" / ("a" * 300) / "c", "a{300}"),
    ):
        refused(filmed, told, OSError, out=out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_long_name_and_a_step_up_are_places(
    filmed: Any, calibrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"source": filmed.folder, "board": filmed.board_file, "found": calibrated}
    for out in (Path("a" * 250), Path("nowhere/../up"), Path("below/..")):
        list(calibrate(CalibrateSettings(**given, out=out)))
    for place in (tmp_path / ("a" * 250), tmp_path / "up", tmp_path):
        assert (place / "report.json").is_file()
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_place_that_may_not_be_written_to_is_named(
    filmed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the hidden folder in which all is made."""

    def fails(*_: Any, dir: Path, prefix: str) -> None:  # noqa: A002
        raise OSError(30, "Read-only file system", f"{dir}/{prefix}x")

    monkeypatch.setattr(results.tempfile, "TemporaryDirectory", fails)
    settings = CalibrateSettings(
        source=filmed.folder, board=filmed.board_file, out=tmp_path / "out"
    )
    with pytest.raises(OSError, match="Read-only") as caught:
        list(calibrate(settings))
    assert caught.value.filename == str(tmp_path / "out")


def write_videos(folder: Path, names: Sequence[str], n: int = 5) -> Path:
    """Grey videos, without a board."""
    folder.mkdir(parents=True)
    for name in names:
        with VideoWriter(folder / f"{name}.mp4", 64, 48, 10.0) as video:
            for _ in range(n):
                video.write(np.full((48, 64, 3), 90, np.uint8))
    return folder


def test_results_of_a_video_go_beside_it(filmed: Any, tmp_path: Path) -> None:
    folder = write_videos(tmp_path / "day", ["cam1"])
    (folder / "calibration").mkdir()
    (folder / "calibration" / "report.json").write_text("{}")
    refused(filmed, "day/calibration holds a calibration", source=folder / "cam1.mp4")


def test_names_that_a_format_can_not_have(filmed: Any, tmp_path: Path) -> None:
    source = tmp_path / "film"
    for camera, name in zip(filmed.cameras, ("a", "b", "c?"), strict=True):
        shutil.copytree(filmed.folder / camera.name, source / name)
    refused(
        filmed, r"camera 'c\?' cannot name a file, as JARVIS", ValueError,
        source=source, out=tmp_path / "out", files=("jarvis",),
    )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_lenses_of_a_file_that_do_not_fit(filmed: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for change, told in (
        ({"image_size": (800, 640)}, "'Camera1' was calibrated for images of"),
        ({"fisheye": True, "tangential": np.zeros(2), "radial": np.zeros(4)}, "has a fisheye lens"),
    ):
        cameras = [replace(camera, **change) for camera in filmed.cameras]
        lenses = write_anipose(tmp_path / "lenses.toml", cameras, overwrite=True)
        refused(filmed, told, ValueError, out=out, intrinsics=lenses)
    others = [replace(camera, name=f"x{camera.name}") for camera in filmed.cameras[:2]]
    lenses = write_anipose(tmp_path / "lenses.toml", others, overwrite=True)
    refused(filmed, "and the recording Camera1, Camera2", out=out, intrinsics=lenses)
    refused(filmed, "to stay fixed need to be known", out=out, intrinsics_use="fixed")


def test_a_recording_of_lenses_that_does_not_fit(filmed: Any, tmp_path: Path) -> None:
    lenses = tmp_path / "lenses"
    for name in ("one", "Camera2"):
        (lenses / name).mkdir(parents=True)
        for t in range(2):
            cv2.imwrite(str(lenses / name / f"{t}.png"), np.zeros((40, 60), np.uint8))
    told = "images of 'Camera2' have 60 x 40 px there, and"
    refused(filmed, told, out=tmp_path / "out", intrinsics=lenses)
    shutil.rmtree(lenses / "Camera2")
    refused(filmed, "it has one, and the recording", out=tmp_path / "out", intrinsics=lenses)


def test_why_there_is_no_image_is_told(filmed: Any, tmp_path: Path) -> None:
    whole = write_videos(tmp_path / "day", ["cam1", "cam2"])
    content = (whole / "cam2.mp4").read_bytes()
    for broken in (b"", content[: len(content) // 3], b"no video" * 100):
        (whole / "cam2.mp4").write_bytes(broken)
        refused(
            filmed, r"there is no image of cam2, or none can be read \(.*cam2\.mp4: ", BOTH,
            source=whole, out=tmp_path / "out",
        )  # fmt: skip


def test_clocks_that_began_at_other_times(filmed: Any, tmp_path: Path) -> None:
    source = write_videos(tmp_path / "day", ["cam1", "cam2", "cam3"])
    rows = [
        f"{camera},{i},{i / 10 + (100 if camera == 2 else 0)}"
        for camera in (1, 2, 3)
        for i in range(5)
    ]
    table = source / "timestamps.csv"
    table.write_text("cam_id,frame_index,frame_time\n" + "\n".join(rows))
    told = r"same times \(cam1 0 to 0.4 s, cam2 100 to 100.4 s, cam3 0 to 0.4 s\)"
    refused(filmed, told, CalibrationError, source=source, out=tmp_path / "out")
    numbered = [f"{row},{row.split(',')[1]}" for row in rows]
    for column, has in ((1, "no frame_index"), (3, "no sync_index"), (3, "sync_index 1.5")):
        cells = [row.split(",") for row in numbered]
        cells[7][column] = "1.5" if "1.5" in has else ""
        head = "cam_id,frame_index,frame_time,sync_index\n"
        table.write_text(head + "\n".join(map(",".join, cells)))
        refused(filmed, f"line 9 has {has}", FileFormatError, source=source, out=tmp_path / "out")


def test_a_click_that_names_no_camera(filmed: Any, tmp_path: Path) -> None:
    table = tmp_path / "posts.csv"
    head = "camera,point,x,y,X,Y,Z\nCamera1,a,1,2,0,0,0\n"
    for row, what in ((",a,1,2,0,0,0", "camera"), ("Camera2,,1,2,0,0,0", "point")):
        table.write_text(head + row)
        refused(
            filmed, f"line 3 names no {what}", FileFormatError,
            out=tmp_path / "out", world="points", world_points=table,
        )  # fmt: skip


def test_points_that_were_measured_at_one_place(
    filmed: Any, calibrated: Path, tmp_path: Path
) -> None:
    posts = np.array([[0, 0, 0], [100, 0, 0], [0, 80, 0.0]])
    rows = [
        f"{camera.name},{i},{x:.2f},{y:.2f},5,5,5"
        for camera in filmed.cameras
        for i, (x, y) in enumerate(camera.project(posts))
    ]
    table = tmp_path / "posts.csv"
    table.write_text("camera,point,x,y,X,Y,Z\n" + "\n".join(rows))
    for found in (None, calibrated):
        refused(
            filmed, "lie at one place", CalibrationError,
            out=tmp_path / "out", world_points=table, found=found,
        )  # fmt: skip


def test_no_camera_is_no_choice(filmed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", str(filmed.folder), "--board", str(filmed.board_file), "--cameras", ","])
    assert "--cameras: names nothing; name one at least, or leave it out" in capsys.readouterr().err
