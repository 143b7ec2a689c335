"""The whole job, from images on disk to files on disk; truth is where cameras and boards were."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_file import write_board
from napari_sdannce.calibration.calibrating import calibrate
from napari_sdannce.calibration.corners_file import read_corners
from napari_sdannce.calibration.detection.boards_found import write_found
from napari_sdannce.calibration.detection.find_boards import FoundBoards, threes_to_look_at
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.report.saved_report import read_report
from napari_sdannce.cli import main
from napari_sdannce.files.anipose import read_anipose
from napari_sdannce.files.calibration_file import read_calibration
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.hires_params import read_hires_params
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.settings.events import BoardCoverage, JobDone, Message, Progress
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig

if TYPE_CHECKING:
    from collections.abc import Callable


def run(filmed: Any, out: Path, **more: Any) -> list[Any]:
    given = {"source": filmed.folder, "board": filmed.board_file, "out": out} | more
    return list(calibrate(CalibrateSettings(**given)))


def said(events: list[Any]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Message))


@pytest.fixture(scope="module")
def done(filmed: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    out = tmp_path_factory.mktemp("out") / "calibration"
    return out, run(filmed, out, world="floor", world_frames=(13,))


def test_cameras_stand_where_they_stood(filmed: Any, done: tuple[Path, list[Any]]) -> None:
    """In the frame of the floor: relative to the board that lay there."""
    out, _ = done
    cameras = read_anipose(out / "calibration.toml")
    assert [camera.name for camera in cameras] == ["Camera1", "Camera2", "Camera3"]
    floor = filmed.poses[13]
    middle = floor.place(filmed.board.points[0].mean(axis=0))
    up = floor.rotation @ np.diag([1.0, -1, -1])
    for found, truth in zip(cameras, filmed.cameras, strict=True):
        wanted = up.T @ (truth.centre - middle)
        assert np.linalg.norm(found.centre - wanted) < 4
        assert found.centre[2] > 0
        assert found.image_size == (400, 320)
        # what is seen in the volume lies where it lay
        there = np.random.default_rng(0).uniform((-80, -80, -20), (80, 80, 140), (40, 3))
        off = found.project(there) - truth.project(there @ up.T + middle)
        assert np.linalg.norm(off, axis=1).max() < 1


def test_what_is_told_and_written(filmed: Any, done: tuple[Path, list[Any]]) -> None:
    out, events = done
    assert isinstance(events[-1], JobDone)
    assert sorted(path.name for path in out.iterdir()) == sorted(
        Path(path).relative_to(out).parts[0] for path in events[-1].outputs
    )
    assert "images of equal name belong to one moment" in said(events)
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].total) == (42, 42)
    coverage = next(event for event in reversed(events) if isinstance(event, BoardCoverage))
    assert coverage.cameras == ("Camera1", "Camera2", "Camera3")
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert set(report["holdout_px"]) >= {"mean", "median", "rmse"}
    assert 0 < report["holdout_px"]["mean"] < 0.3
    assert 0 < report["reprojection_px"]["mean"] < 0.3
    assert report["reprojection_px"]["median"] <= report["reprojection_px"]["rmse"]
    assert report["rigid_residual_mm"] < 0.5
    assert report["frames"] == 14
    assert set(report["seconds"]) == {"detect", "solve"}
    assert list(report["cameras"]) == ["Camera1", "Camera2", "Camera3"]
    assert report["cameras"]["Camera1"]["sightings"] == coverage.shared[0][0]
    # 14 moments are few, and cameras so near to each other see well: neither more nor less is said
    assert report["verdict"]["grade"] == "usable"
    texts = [finding["text"] for finding in report["verdict"]["findings"]]
    assert any("seen at 14 moments only" in text for text in texts)
    half = (
        f"Half of the corners are closer than {report['holdout_px']['median']:.2f} px, at moments"
    )
    assert "Usable, but it could be better." in said(events)
    assert f"{half} that the cameras were not fitted to" in said(events)
    assert "<svg" in (out / "report.html").read_text(encoding="utf-8")
    assert cv2.imread(str(out / "report.png")) is not None
    matlab = read_hires_params(out)
    ours = read_anipose(out / "calibration.toml")
    for mine, theirs in zip(ours, matlab, strict=True):
        np.testing.assert_allclose(mine.matrix, theirs.matrix, atol=1e-9)
        np.testing.assert_allclose(mine.translation, theirs.translation, atol=1e-9)


def test_still_images_have_no_delays(
    filmed: Any, done: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    """Their order is none in time; boards that were found say whether it is."""
    out, events = done
    run(filmed, tmp_path / "again", found=out)
    for folder in (out, tmp_path / "again"):
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert all(camera["late_frames"] is None for camera in report["cameras"].values())
        assert "Late by" not in (folder / "report.html").read_text(encoding="utf-8")
    assert "frames later" not in said(events)


def test_corners_are_kept_with_their_misses(filmed: Any, done: tuple[Path, list[Any]]) -> None:
    out, _ = done
    corners = read_corners(out / "corners.npz")
    cameras = read_anipose(out / "calibration.toml")
    for view, moment, found, miss in zip(
        corners.view, corners.moment, corners.corners, corners.misses, strict=True
    ):
        row = int(np.searchsorted(corners.moments, moment))
        fitted = cameras[view].project(corners.boards[row])
        seen = np.isfinite(found[:, 0])
        np.testing.assert_allclose(found[seen] + miss[seen], fitted[seen], atol=0.02)
        truth = filmed.cameras[view].project(filmed.poses[moment].place(filmed.board.points[0]))
        assert np.linalg.norm(found[seen] - truth[seen], axis=1).max() < 1
    for broken in (b"", b"not an archive", (out / "corners.npz").read_bytes()[:-200]):
        path = out.parent / "broken.npz"
        path.write_bytes(broken)
        with pytest.raises(FileFormatError, match="something else"):
            read_corners(path)


def test_the_report_is_read_again(filmed: Any, done: tuple[Path, list[Any]]) -> None:
    out, _ = done
    report = read_report(out / "report.json")
    assert list(report.cameras) == ["Camera1", "Camera2", "Camera3"]
    assert report.error_px is not None
    assert report.error_px < 0.3
    assert report.images == filmed.folder
    assert report.settings.match == "auto"
    one = report.cameras["Camera1"]
    assert one.image_size == (400, 320)
    assert one.focal_px == pytest.approx(filmed.cameras[0].matrix[0, 0], rel=0.02)
    written = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report.error_px == written["holdout_px"]["median"]
    assert one.error_px == written["cameras"]["Camera1"]["holdout_px"]["median"]
    told = [(each.grade, each.text, each.camera) for each in report.told]
    findings = written["verdict"]["findings"]
    assert told == [(each["grade"], each["text"], each["camera"]) for each in findings]
    assert len(told) > 0
    (out.parent / "report.json").write_text('{"verdict": {"grade": "splendid"}}')
    with pytest.raises(FileFormatError, match=r"verdict.grade: Input should be 'good'"):
        read_report(out.parent / "report.json")


def test_other_formats_say_the_same(filmed: Any, tmp_path: Path) -> None:
    kinds = ("aniposelib", "dannce", "opencv", "caliscope", "jarvis")
    run(filmed, tmp_path / "out", files=kinds)
    ours = read_anipose(tmp_path / "out/calibration.toml")
    for name in ("calibration_dannce.mat", "cameras.yml", "camera_array.toml", "jarvis"):
        theirs = read_calibration(tmp_path / "out" / name).cameras
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine.projection_matrix, other.projection_matrix, rtol=1e-6)


def test_lenses_from_a_recording_of_each_camera_alone(filmed: Any, tmp_path: Path) -> None:
    """And from its results: fixed, they stay to the last digit."""
    short = tmp_path / "short"
    for camera in filmed.cameras:
        (short / camera.name).mkdir(parents=True)
        for t in (0, 3, 6, 9, 12, 13):
            shutil.copy(filmed.folder / camera.name / f"{t:03}.png", short / camera.name)
    events = run(filmed, tmp_path / "out", source=short, intrinsics=filmed.folder)
    assert said(events).count("the lens of Camera") == 3
    first = read_anipose(tmp_path / "out/calibration.toml")
    for found, truth in zip(first, filmed.cameras, strict=True):
        assert found.matrix[0, 0] == pytest.approx(truth.matrix[0, 0], rel=0.01)
    run(
        filmed, tmp_path / "again", source=short,
        intrinsics=tmp_path / "out/calibration.toml", intrinsics_use="fixed",
    )  # fmt: skip
    for before, after in zip(first, read_anipose(tmp_path / "again/calibration.toml"), strict=True):
        np.testing.assert_allclose(before.matrix, after.matrix, atol=1e-9)


def measured_posts(filmed: Any, path: Path, times: float = 1.0) -> Path:
    """A table of posts, clicked where they are seen, and measured so many times as long."""
    posts = np.array([[0, 0, 0], [100, 0, 0], [0, 80, 0], [50, 50, 30.0]])
    rows = [
        f"{camera.name},{i},{x:.3f},{y:.3f},{','.join(map(str, times * post))}"
        for camera in filmed.cameras
        for i, (post, (x, y)) in enumerate(zip(posts, camera.project(posts), strict=True))
    ]
    path.write_text("camera,point,x,y,X,Y,Z\n" + "\n".join(rows))
    return path


def test_measured_points_place_the_world(filmed: Any, tmp_path: Path) -> None:
    table = measured_posts(filmed, tmp_path / "posts.csv")
    events = run(filmed, tmp_path / "out", world="points", world_points=table)
    assert "4 measured points lie within 0." in said(events)
    assert "right to 0.5 %" in said(events)
    for found, truth in zip(
        read_anipose(tmp_path / "out/calibration.toml"), filmed.cameras, strict=True
    ):
        assert np.linalg.norm(found.centre - truth.centre) < 5
    report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    assert report["measured_points"]["scale"] == pytest.approx(1, abs=0.005)
    assert list(report["measured_points"]["errors_mm"]) == ["0", "1", "2", "3"]


def test_boards_that_were_found_are_used_again(
    filmed: Any, done: tuple[Path, list[Any]], tmp_path: Path, capsys: Any
) -> None:
    """Without the images, the same cameras; and other ones with other settings, and squares."""
    earlier = tmp_path / "earlier"
    shutil.copytree(done[0], earlier)
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", "again", str(earlier)])
    assert "holds a calibration" in capsys.readouterr().err
    out = tmp_path / "again"
    settings = earlier / "calibrate.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace(f"{filmed.folder}\n", f"{tmp_path / 'nowhere'}\n"))
    main(["calibrate", "again", str(earlier), "--out", str(out)])
    for before, after in zip(
        read_anipose(earlier / "calibration.toml"),
        read_anipose(out / "calibration.toml"),
        strict=True,
    ):
        np.testing.assert_array_equal(before.matrix, after.matrix)
        np.testing.assert_array_equal(before.centre, after.centre)
    board = write_board(tmp_path / "smaller.toml", replace(filmed.board, square_mm=36.0))
    table = measured_posts(filmed, tmp_path / "posts.csv", 0.99)
    other = [
        "--board", str(board), "--world", "first-camera", "--world-points", str(table),
        "--overwrite",
    ]  # fmt: skip
    main(["calibrate", "again", str(out), *other])
    told = capsys.readouterr()
    # posts are told to be 1 % shorter than they are, and squares 10 %
    assert "lengths between them come out 9.1 % too short: squares of 39.6" in told.err + told.out
    assert read_report(out / "report.json").grade == "record again"
    first = read_anipose(out / "calibration.toml")[0]
    np.testing.assert_allclose(first.centre, 0, atol=1e-9)


def test_all_boards_that_were_found_tell_how_late_cameras_are(tmp_path: Path) -> None:
    """Of some moments far apart it is known how the board moved, by those between."""
    delays = (0.0, 0.5, -0.4, 0.2)
    rig = BoardRigSettings(moments=100, missed=0.0, delays=delays)
    detections = board_rig(rig, 8).detections
    detections = detections.take(detections.moment != 50)
    blur = np.full(len(detections), np.nan)
    (tmp_path / "found").mkdir()
    write_found(tmp_path / "found/boards.npz", FoundBoards(detections, blur, 400, 1.0), rig.board)
    file = write_board(tmp_path / "board.toml", rig.board)
    settings = CalibrateSettings(
        source=tmp_path, board=file, found=tmp_path / "found", late="correct", use=40
    )
    told = said(list(calibrate(settings)))
    assert "2 of 99 moments with a board only tell how it moved" in told
    assert "calibrating from the 40 of 99 moments that tell most" in told
    assert "left out" not in told
    report = json.loads((tmp_path / "calibration/report.json").read_text(encoding="utf-8"))
    assert report["frames"] == 40
    assert list(report["corrected_late_frames"].values()) == pytest.approx(delays, abs=0.05)


@pytest.mark.parametrize(("n", "every", "most"), [(1600, None, 1500), (9000, None, 1500),
                                                  (900, 10, 30), (20, 3, 30)])  # fmt: skip
def test_how_a_board_moved_is_looked_for_in_neighbouring_frames(
    n: int, every: int | None, most: int
) -> None:
    looked_at = threes_to_look_at(n, every, most)
    assert sorted(set(looked_at)) == looked_at
    assert (looked_at[0], looked_at[-1] < n) == (0, True)
    if every is None:
        assert 0.6 * most < len(looked_at) <= most
    middles = [m for m in looked_at if m - 1 in looked_at and m + 1 in looked_at]
    assert len(middles) >= len(looked_at) // 3
    assert threes_to_look_at(100, None, 100) == range(100)


def test_a_long_recording_is_looked_at_in_threes(filmed: Any, tmp_path: Path) -> None:
    job = calibrate(
        CalibrateSettings(source=filmed.folder, board=filmed.board_file, out=tmp_path / "out",
                          late="correct", most=9)
    )  # fmt: skip
    events: list[Any] = []
    with pytest.raises(CalibrationError, match="of 9 moments with a board, 3 have others"):
        events.extend(job)
    assert "looking for the board at 9 of 14 moments, three after one another" in said(events)


def test_boards_of_another_pattern_are_not_used(
    filmed: Any, done: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    other = write_board(tmp_path / "b.toml", replace(filmed.board, squares_across=8))
    told = "found of a ChArUco board of 7 x 5 .* looked for anew"
    refused(filmed, tmp_path / "out", told, board=other, found=done[0])
    broken = tmp_path / "broken"
    broken.mkdir()
    refused(filmed, tmp_path / "out", "boards.npz does not exist", found=broken)
    (broken / "boards.npz").write_bytes(b"PK nothing")
    refused(filmed, tmp_path / "out", "boards that were found", found=broken)
    for name, read in (("boards.npz", None), ("corners.npz", read_corners)):
        lying(done[0] / name, broken / name)
        if read is None:
            refused(filmed, tmp_path / "out", "it is something else", found=broken)
            continue
        with pytest.raises(FileFormatError, match="it is something else"):
            read(broken / name)


def lying(whole: Path, goal: Path) -> None:
    """The same arrays, of which the corners say that they fill any memory."""
    with zipfile.ZipFile(whole) as given, zipfile.ZipFile(goal, "w") as made:
        for name in given.namelist():
            content = given.read(name)
            if name == "corners.npy":
                head = {"descr": "<f8", "fortran_order": False, "shape": (2**50, 12, 2)}
                stream = BytesIO()
                np.lib.format.write_array_header_1_0(stream, head)
                content = stream.getvalue() + content[-800:]
            made.writestr(name, content)


def test_the_world_needs_a_board_where_it_is_said_to_lie(filmed: Any, tmp_path: Path) -> None:
    """Frames of the floor are looked at first, and used whatever else is."""
    refused(filmed, tmp_path / "out", "there is no frame 99", world="floor", world_frames=(99,))
    blind = with_stills(filmed, tmp_path / "blind", lambda camera, t: t != 4)
    refused(
        filmed, tmp_path / "out", "no camera sees the board at frame 2",
        source=blind, world="floor", world_frames=(2,),
    )  # fmt: skip
    run(filmed, tmp_path / "few", world="board", world_frames=(13,), every=2, use=5)
    assert 13 in read_corners(tmp_path / "few/corners.npz").moments


def test_what_is_there_is_not_replaced_unasked(filmed: Any, done: tuple[Path, list[Any]]) -> None:
    out, _ = done
    before = (out / "calibration.toml").read_bytes()
    with pytest.raises(FileExistsError, match="holds a calibration"):
        run(filmed, out)
    assert (out / "calibration.toml").read_bytes() == before
    run(filmed, out, overwrite=True, world="floor", world_frames=(13,))
    assert (out / "calibration.toml").is_file()
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


def test_what_is_replaced_goes_as_a_whole(
    filmed: Any, done: tuple[Path, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of the older calibration stays, none that is not its own goes."""
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    (out / "notes.txt").write_text("mine")
    run(filmed, out, found=done[0], files=("aniposelib", "opencv"), overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "calibration.toml").read_bytes() != (done[0] / "calibration.toml").read_bytes()
    assert not list(out.glob("hires_cam*"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    move, calls = shutil.move, []

    def fails_at_last(source: Path, goal: Path) -> None:
        calls.append(goal)
        if len(calls) == 2 * len(before) - 2:
            raise OSError(28, "No space left on device")
        move(source, goal)

    monkeypatch.setattr("napari_sdannce.calibration.results.shutil.move", fails_at_last)
    with pytest.raises(OSError, match="No space left"):
        run(filmed, out, found=done[0], files=("aniposelib", "opencv"), overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_leaves_nothing(filmed: Any, tmp_path: Path, small_disk: Any) -> None:
    with small_disk(), pytest.raises(OSError, match="out"):
        run(filmed, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def refused(filmed: Any, out: Path, text: str, **more: Any) -> None:
    """It can not be done, says why in these words, and leaves nothing behind."""
    with pytest.raises((CalibrationError, FileFormatError, FileNotFoundError), match=text):
        run(filmed, out, **more)
    assert not out.exists()


def test_what_is_asked_for_must_make_sense(filmed: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused(filmed, out, "does not exist", source=tmp_path / "nowhere")
    refused(filmed, out, "does not exist", board=tmp_path / "nowhere.toml")
    refused(filmed, out, "can not be matched by 'timestamps'", match="timestamps")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"world": "board"}, "needs frames at which"),
        ({"world": "floor"}, "needs frames at which"),
        ({"world": "points"}, "needs a table of points"),
        ({"world": "points", "world_points": Path("nowhere.csv")}, "nowhere.csv does not exist"),
        ({"intrinsics": Path("nowhere.toml")}, "nowhere.toml does not exist"),
        ({"distortion": ("k9",)}, "no distortion term k9"),
        ({"lens": "fisheye", "distortion": ("p1",)}, "no distortion term p1"),
    ],
)
def test_settings_are_checked_before_the_search(
    filmed: Any, tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    """A search takes minutes: what can be known before is not told after it."""
    settings = CalibrateSettings(
        source=filmed.folder, board=filmed.board_file, out=tmp_path / "out", **given
    )
    seen: list[Any] = []
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        seen += calibrate(settings)
    assert not [event for event in seen if isinstance(event, Progress)]
    assert not (tmp_path / "out").exists()


def with_stills(filmed: Any, folder: Path, shown: Callable[[str, int], bool]) -> Path:
    """Some moments of the film; where a camera shows no board, its image is blank."""
    for camera in filmed.cameras:
        (folder / camera.name).mkdir(parents=True)
        for t in range(0, 14, 2):
            goal = folder / camera.name / f"{t:03}.png"
            if shown(camera.name, t):
                shutil.copy(filmed.folder / camera.name / goal.name, goal)
            else:
                cv2.imwrite(str(goal), np.full((320, 400), 90, dtype=np.uint8))
    return folder


def test_each_lack_of_a_recording_has_its_message(filmed: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def lacks(text: str, shown: Callable[[str, int], bool]) -> None:
        source = with_stills(filmed, tmp_path / f"film{len(list(tmp_path.iterdir()))}", shown)
        refused(filmed, out, text, source=source)

    lacks("no camera saw the board", lambda camera, t: False)
    lacks("at 1 moment only", lambda camera, t: t == 4)
    lacks("Camera3 never saw the board", lambda camera, t: camera != "Camera3")
    lacks(
        "Camera3 never saw the board at the same moment",
        lambda camera, t: (camera == "Camera3") == (t > 6),
    )


def test_another_board_than_described_is_named(filmed: Any, tmp_path: Path) -> None:
    source = with_stills(filmed, tmp_path / "film", lambda camera, t: True)
    for change, told in (
        ({"inverted": True}, "'inverted = false'"),
        ({"squares_across": 5, "squares_down": 7}, "rows and columns are exchanged"),
        ({"dictionary": "DICT_5X5_100"}, 'dictionary = "DICT_4X4_50"'),
    ):
        board = write_board(
            tmp_path / "other.toml", replace(filmed.board, **change), overwrite=True
        )
        refused(filmed, tmp_path / "out", told, source=source, board=board)
    board = write_board(
        tmp_path / "other.toml", replace(filmed.board, marker_mm=26.0), overwrite=True
    )
    events = run(filmed, tmp_path / "out", source=source, board=board)
    assert "its markers look 0.75 of a square wide, not 0.65" in said(events)


def test_damaged_images_are_named(filmed: Any, tmp_path: Path) -> None:
    source = with_stills(filmed, tmp_path / "film", lambda camera, t: True)
    path = source / "Camera2" / "004.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (200, 160)))
    told = "images of camera 'Camera2' differ in size .400 x 320 px: .* 200 x 160 px: 004.png"
    refused(filmed, tmp_path / "out", told, source=source)
    path.write_bytes(b"junk")
    events = run(filmed, tmp_path / "out", source=source)
    assert "Camera2/004.png: " in said(events)


def test_from_the_command_line(filmed: Any, tmp_path: Path, capsys: Any) -> None:
    words = ["calibrate", str(filmed.folder), "--board", str(filmed.board_file)]
    main([*words, "--out", str(tmp_path / "out"), "--distortion", "k1,k2"])
    assert "alf of the corners are closer than" in capsys.readouterr().err
    report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    assert report["cameras"]["Camera1"]["intrinsics"]["k3"] == 0
    with pytest.raises(SystemExit, match="2"):
        main([*words, "--out", str(tmp_path / "out")])
    assert "holds a calibration" in capsys.readouterr().err


def test_some_cameras_are_left_out(
    filmed: Any, done: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    """From images, and from boards that were found, which all stay for another time."""
    two = ("Camera3", "Camera1")
    run(filmed, tmp_path / "two", cameras=two)
    first = read_anipose(tmp_path / "two/calibration.toml")
    assert [camera.name for camera in first] == ["Camera1", "Camera3"]
    with np.load(tmp_path / "two/boards.npz") as boards:
        assert boards["names"].tolist() == ["Camera1", "Camera3"]
    run(filmed, tmp_path / "again", found=done[0], cameras=two)
    with np.load(tmp_path / "again/boards.npz") as boards:
        assert boards["names"].tolist() == ["Camera1", "Camera2", "Camera3"]
    for camera, other in zip(first, read_anipose(tmp_path / "again/calibration.toml"), strict=True):
        assert camera.name == other.name
        np.testing.assert_allclose(camera.centre, other.centre, atol=1e-6)
    posts = measured_posts(filmed, tmp_path / "posts.csv")  # clicked in all three
    run(filmed, tmp_path / "posts", found=done[0], cameras=two, world="points", world_points=posts)
    run(filmed, tmp_path / "seen", cameras=two, world="points", world_points=posts)
    for place in ("posts", "seen"):
        for found in read_anipose(tmp_path / place / "calibration.toml"):
            truth = next(camera for camera in filmed.cameras if camera.name == found.name)
            assert np.linalg.norm(found.centre - truth.centre) < 5
    posts.write_text(posts.read_text().replace("Camera", "View"))
    refused(filmed, tmp_path / "none", "it names View1", cameras=two, world_points=posts)
    told = "there is no camera Camera9, only Camera1, Camera2, Camera3"
    refused(filmed, tmp_path / "none", told, cameras=("Camera9", "Camera1"))
    refused(filmed, tmp_path / "none", told, found=done[0], cameras=("Camera9",))


def test_relative_paths_mean_the_same_from_anywhere(
    filmed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of options from here, of a file of settings from where that lies."""
    shutil.copytree(filmed.folder, tmp_path / "rig/images")
    shutil.copy(filmed.board_file, tmp_path / "rig/board.toml")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "rig")
    main(["calibrate", "images", "--board", "board.toml", "--out", "first"])
    monkeypatch.chdir(tmp_path / "elsewhere")
    main(["calibrate", "again", str(tmp_path / "rig/first"), "--out", "second"])
    settings = tmp_path / "rig/third.yaml"
    settings.write_text(
        "source: images\nboard: board.toml\nout: third\nintrinsics: first/calibration.toml\n"
    )
    main(["calibrate", "../rig/third.yaml"])
    made = [tmp_path / "rig/first", tmp_path / "elsewhere/second", tmp_path / "rig/third"]
    assert all((folder / "calibration.toml").is_file() for folder in made)
