"""The panel "Calibrate": from images of a board to a calibration, and to a recording."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton
from superqt.utils import WorkerBase

from napari_sdannce.calibration.boards.board_file import read_board
from napari_sdannce.calibration.calibrating import calibrate
from napari_sdannce.calibration.corners_file import read_corners
from napari_sdannce.calibration.quality.verdict import Grade
from napari_sdannce.files.anipose import read_anipose, write_anipose
from napari_sdannce.jobs.background import State
from napari_sdannce.jobs.calibrating import start_calibration
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.settings.events import BoardCoverage
from napari_sdannce.video import Encoding, VideoWriter
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.add_layers import add_recording
from napari_sdannce.widgets.breakable import unbroken
from napari_sdannce.widgets.calibrate.board_form import CHARUCO, CHESS
from napari_sdannce.widgets.calibrate.board_layers import boards_in
from napari_sdannce.widgets.calibrate.calibrate_panel import CalibratePanel
from napari_sdannce.widgets.calibrate.click_marks import ClickMarks
from napari_sdannce.widgets.calibrate.corner_marks import LEFT_OUT
from napari_sdannce.widgets.calibrate.coverage_view import CoverageView
from napari_sdannce.widgets.calibrate.rig_layers import RigLayers, outlines_of
from napari_sdannce.widgets.recording_layers import shown_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import napari

pytestmark = pytest.mark.window
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    """One window for all tests here: opening one takes seconds."""
    import napari

    viewer = napari.Viewer(show=False)
    yield viewer
    WorkerBase.await_workers()
    viewer.close()


@pytest.fixture
def make(viewer: napari.Viewer) -> Iterator[Callable[[], CalibratePanel]]:
    """Opens the panel, and closes it at the end with all that it shows."""
    panels = []

    def make_one() -> CalibratePanel:
        panel = CalibratePanel(viewer)
        viewer.window.add_dock_widget(panel, name="Calibrate", area="right")
        panels.append(panel)
        return panel

    yield make_one
    viewer.layers.clear()
    for panel in panels:
        panel.on_screen.put_away()
        panel.set_up.stop_looking()
        napari_adapter.undock(viewer, panel)
        panel.deleteLater()


@pytest.fixture
def board(filmed: Any, tmp_path: Path) -> Any:
    """The images of the board, where something may be written."""
    shutil.copytree(filmed.folder, tmp_path / "board")
    return replace(filmed, folder=tmp_path / "board")


@pytest.fixture(scope="module")
def made(filmed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration."""
    out = tmp_path_factory.mktemp("made") / "calibration"
    settings = CalibrateSettings(source=filmed.folder, board=filmed.board_file, out=out)
    assert list(calibrate(settings))
    return out


def opened(panel: CalibratePanel, folder: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        panel.open(folder)


def test_images_of_the_cameras_that_were_chosen(
    make: Any, viewer: Any, filmed: Any, tmp_path: Path, qtbot: Any
) -> None:
    panel, out = make(), tmp_path / "out"
    panel.set_up.choose(source=filmed.folder, board=filmed.board_file)
    panel.set_up.form.rows[("cameras",)].editor.set("Camera1,Camera3")
    assert "2 cameras with still images: Camera1, Camera3" in checked(panel, qtbot)
    assert panel.set_up.settings().cameras == ("Camera1", "Camera3")
    list(calibrate(panel.set_up.settings().model_copy(update={"out": out})))
    opened(panel, out, qtbot)
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        panel.result.images_button.click()
    names = [layer.name for layer in viewer.layers]
    assert "Camera3 corners" in names
    assert "Camera2 corners" not in names


def checked(panel: CalibratePanel, qtbot: Any) -> str:
    with qtbot.waitSignal(panel.set_up.checked, timeout=WAIT_MS):
        panel.set_up.check()
    return "\n".join(check.text for check in panel.set_up.lines.checks)


def test_from_images_to_a_verdict(make: Any, board: Any, qtbot: Any) -> None:
    panel = make()
    assert not panel.set_up.start_button.isEnabled()
    panel.set_up.choose(source=board.folder, board=board.board_file)
    assert "The board is found in 8 of 8 images" in checked(panel, qtbot)
    panel.set_up.start_button.click()
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Run (running)"
    assert not panel.set_up.start_button.isEnabled()
    # it goes on without the panel, and is found again
    process = panel.run_page.job.process()
    process.suspend()  # or it may be done before
    again = make()
    process.resume()
    assert again.run_page.job == panel.run_page.job
    assert again.set_up.form.rows[("board",)].editor.get() == str(board.board_file)
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        pass
    assert panel.run_page.view.state is State.FINISHED
    out = board.folder / "calibration"
    assert panel.result.opened.folder == out
    assert panel.tabs.currentIndex() == 2
    coverage = panel.run_page.view.coverage.tiles.coverage
    report = json.loads((out / "report.json").read_text())
    assert [list(row) for row in coverage.shared] == report["shared_frames"]
    half = f"Half of the corners are closer than {report['holdout_px']['median']:.2f} px"
    assert half in panel.result.banner.text()
    table = panel.result.table
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert names == ["Camera1", "Camera2", "Camera3"]
    assert table.item(0, 1).text() == f"{report['cameras']['Camera1']['holdout_px']['median']:.2f}"
    assert panel.set_up.last_button.text() == "Show the last result: calibration"
    assert "Results go to calibration-2" in checked(panel, qtbot)


def test_what_has_ended_before_it_is_looked_at_is_opened(
    make: Any, filmed: Any, made: Path, tmp_path: Path, qtbot: Any
) -> None:
    """To calibrate again takes no longer than a busy window may need to begin to look."""
    panel, out = make(), tmp_path / "out"
    settings = CalibrateSettings(source=filmed.folder, board=filmed.board_file, found=made, out=out)
    job = start_calibration(settings)
    qtbot.waitUntil(lambda: job.state() is State.FINISHED, timeout=WAIT_MS)
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        panel.follow(job)
    assert panel.result.opened.folder == out
    assert panel.tabs.currentIndex() == 2


def test_a_failed_job_says_why(make: Any, board: Any, qtbot: Any) -> None:
    for path in board.folder.glob("*/*.png"):
        cv2.imwrite(str(path), np.full((64, 80), 128, np.uint8))
    panel = make()
    panel.set_up.choose(source=board.folder, board=board.board_file)
    assert "The board was not found in 8 images" in checked(panel, qtbot)
    panel.set_up.start_button.click()
    with qtbot.waitSignal(panel.run_page.ended, timeout=WAIT_MS):
        pass
    view = panel.run_page.view
    assert (view.state, view.headline.text()) == (State.FAILED, "It failed")
    assert view.detail.text().startswith("No camera saw the board in 42 images")
    assert view.go_on_button.isHidden()
    assert panel.result.opened is None
    assert panel.set_up.start_button.isEnabled()


def test_a_job_is_stopped(make: Any, board: Any, qtbot: Any) -> None:
    panel = make()
    panel.set_up.choose(source=board.folder, board=board.board_file)
    panel.set_up.check()
    panel.set_up.start()
    with qtbot.waitSignal(panel.run_page.ended, timeout=WAIT_MS):
        panel.run_page.view.stop_button.click()
    assert panel.run_page.view.state is State.STOPPED
    assert panel.run_page.view.go_on_button.isHidden()
    assert not (board.folder / "calibration").exists()
    assert panel.tabs.tabText(1) == "Run"


def test_what_is_wrong_is_said_before(make: Any, board: Any, qtbot: Any, tmp_path: Path) -> None:
    panel = make()
    panel.set_up.choose(source=tmp_path / "nowhere", board=board.board_file)
    assert "nowhere does not exist" in checked(panel, qtbot)
    assert panel.set_up.start_button.text() == "Calibrate anyway"
    panel.set_up.form.rows[("world_frames",)].editor.set("one")
    panel.set_up.check()
    assert "At frames" in panel.set_up.lines.text()
    assert not panel.set_up.start_button.isEnabled()


def test_a_board_is_described(make: Any, tmp_path: Path, monkeypatch: Any) -> None:
    panel = make()
    form = panel.set_up.board_form
    assert form.isHidden()
    panel.set_up.board_button.click()
    assert not form.isHidden()
    form.across.setValue(2)
    form.kind.setCurrentText(CHESS)
    assert form.across.value() == 3  # none with fewer corners can be found
    form.kind.setCurrentText(CHARUCO)
    form.across.setValue(8)
    form.marker.setValue(30.0)
    assert "must be smaller than its squares" in form.about.text()
    assert not form.save_button.isEnabled()
    form.marker.setValue(18.5)
    form.inverted.setChecked(True)
    path = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    form.save_button.click()
    written = read_board(tmp_path / "mine.toml").board
    assert (written.squares_across, written.marker_mm, written.inverted) == (8, 18.5, True)
    assert panel.set_up.form.rows[("board",)].editor.get() == str(tmp_path / "mine.toml")
    form.kind.setCurrentText(CHESS)
    form.save(tmp_path / "chess.toml")
    assert read_board(tmp_path / "chess.toml").board.corners_across == 8
    form.save(tmp_path / "no" / "folder.toml")
    assert "there is no folder" in panel.status


def as_videos(filmed: Any, made: Path, place: Path) -> Path:
    """The same calibration, as if it came from videos."""
    for camera in filmed.cameras:
        path = place / "videos" / camera.name / "0.mp4"
        path.parent.mkdir(parents=True)
        with VideoWriter(path, 400, 320, 30.0, encoding=Encoding(quality=10)) as video:
            for still in sorted((filmed.folder / camera.name).glob("*.png")):
                video.write(np.repeat(cv2.imread(str(still), 0)[..., None], 3, axis=2))
    out = place / "calibration"
    shutil.copytree(made, out)
    report = json.loads((out / "report.json").read_text())
    report["source"] = str(place)
    (out / "report.json").write_text(json.dumps(report))
    return out


@pytest.mark.parametrize("kind", ["stills", "videos"])
def test_corners_lie_on_the_images(
    make: Any, viewer: Any, filmed: Any, made: Path, tmp_path: Path, qtbot: Any, kind: str
) -> None:
    panel = make()
    opened(panel, made if kind == "stills" else as_videos(filmed, made, tmp_path), qtbot)
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        panel.result.images_button.click()
    corners = read_corners(made / "corners.npz")
    shown = boards_in(viewer)
    assert shown.n_moments == len(corners.moments)
    shown.go_to(4)
    moment = int(corners.moments[4])
    assert f"Moment 5 of {shown.n_moments} (frame {moment})" in panel.result.moment.text()
    view = 1
    (row,) = np.flatnonzero((corners.view == view) & (corners.moment == moment))
    points, lines = viewer.layers["Camera2 corners"], viewer.layers["Camera2 errors"]
    seen = np.isfinite(corners.corners[row]).all(axis=1)
    np.testing.assert_allclose(points.data[seen], corners.corners[row][seen][:, ::-1])
    assert (points.border_color[seen, 3] == 1).all()
    assert (points.border_color[~seen, 3] == 0).all()
    used = seen & ~corners.left_out[row]
    panel.result.factor.setCurrentText("50 ×")
    drawn = lines.data[used, 1] / 50
    np.testing.assert_allclose(drawn, corners.misses[row][used][:, ::-1], atol=1e-6)
    # the image is that of the moment
    still = cv2.imread(str(filmed.folder / "Camera2" / f"{moment:03}.png"), 0)
    image = np.asarray(viewer.layers["Camera2"].data[4])
    gray = image if image.ndim == 2 else image[..., 0]
    assert np.abs(gray.astype(float) - still).mean() < 4
    panel.result.images_button.click()
    assert len(viewer.layers) == 0
    assert panel.result.images_button.text() == "Show on the images"


def test_corners_that_were_left_out_stand_out(
    make: Any, viewer: Any, made: Path, tmp_path: Path, qtbot: Any
) -> None:
    out = tmp_path / "calibration"
    shutil.copytree(made, out)
    with np.load(out / "corners.npz") as file:
        content = dict(file)
    content["left_out"][content["moment"] == content["moments"][0]] = True
    np.savez(out / "corners.npz", **content)
    panel = make()
    opened(panel, out, qtbot)
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        panel.toggle_images()
    view = int(content["view"][content["moment"] == content["moments"][0]][0])
    points = viewer.layers[f"Camera{view + 1} corners"]
    visible = points.face_color[:, 3] > 0
    assert visible.any()
    np.testing.assert_allclose(points.face_color[visible], np.tile(LEFT_OUT, (visible.sum(), 1)))


def test_images_and_recordings_take_turns(
    make: Any, viewer: Any, made: Path, recording: Any, qtbot: Any
) -> None:
    panel = make()
    opened(panel, made, qtbot)
    add_recording(viewer, recording)
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        panel.toggle_images()
    assert shown_in(viewer) is None
    assert boards_in(viewer) is not None
    add_recording(viewer, recording)
    qtbot.waitUntil(lambda: boards_in(viewer) is None)
    assert [layer.name for layer in viewer.layers] == ["left", "right", "top"]
    assert viewer.canvas.grid.enabled
    assert panel.result.image_controls.isHidden()


def test_images_that_are_elsewhere(
    make: Any, filmed: Any, made: Path, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make()
    opened(panel, tmp_path, qtbot)
    assert "there is no report.json in it" in panel.status
    opened(panel, made, qtbot)
    for folder, told in ((tmp_path / "no", "does not exist"), (tmp_path, "it has neither videos")):
        with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
            panel.show_images(folder)
        assert told in panel.status
    out = tmp_path / "calibration"
    shutil.copytree(made, out)
    text = (out / "report.json").read_text().replace(str(filmed.folder), str(tmp_path / "gone"))
    (out / "report.json").write_text(text)
    opened(panel, out, qtbot)
    asked: list[Any] = []

    def choose(*words: Any) -> str:
        asked.append(words[1:])
        return str(filmed.folder)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose)
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        panel.result.images_button.click()
    assert asked == [("Where are the images of the board now?", str(tmp_path))]
    assert panel.result.images_button.text() == "Hide the images"


def test_the_rig_in_3d(filmed: Any, made: Path) -> None:
    from napari.components import ViewerModel

    cameras = read_anipose(made / "calibration.toml")
    corners = read_corners(made / "corners.npz")
    square = outlines_of(corners.boards)
    sides = np.linalg.norm(np.diff(square[0], axis=0, append=square[0, :1]), axis=1)
    np.testing.assert_allclose(sides, [5 * 40, 3 * 40, 5 * 40, 3 * 40], rtol=0.01)
    model = ViewerModel(ndisplay=3)
    layers = RigLayers(model, cameras, corners.boards)
    layers.look()
    names = model.layers["camera names"]
    assert list(names.text.values) == ["Camera1", "Camera2", "Camera3"]
    np.testing.assert_allclose(names.data[1], cameras[1].centre[::-1], atol=1e-6)
    layers.show_moment(3)
    np.testing.assert_allclose(
        model.layers["board now"].data[:, 0], square[3][:, ::-1], rtol=1e-5, atol=1e-4
    )


def test_boards_whose_place_is_not_known_are_not_shown(made: Path) -> None:
    """Their corners were all left out: the first one, and one more."""
    from napari.components import ViewerModel

    cameras = read_anipose(made / "calibration.toml")
    boards = read_corners(made / "corners.npz").boards
    square = outlines_of(boards)
    boards[[0, 3]] = np.nan
    np.testing.assert_array_equal(outlines_of(boards)[[1, 2]], square[[1, 2]])
    model = ViewerModel(ndisplay=3)
    layers = RigLayers(model, cameras, boards)
    layers.look()
    assert np.isfinite(model.scene.camera.center).all()
    assert all(np.isfinite(layer.data).all() for layer in model.layers)
    assert len(model.layers["boards"].data) == 4 * (len(boards) - 2)
    shown = model.layers["board now"]
    for moment, is_shown in ((0, False), (2, True), (3, False), (1, True)):
        layers.show_moment(moment)
        assert shown.visible == is_shown
    np.testing.assert_allclose(shown.data[:, 0], square[1][:, ::-1], rtol=1e-5, atol=1e-4)
    nowhere = RigLayers(ViewerModel(ndisplay=3), cameras, np.full_like(boards, np.nan))
    nowhere.show_moment(0)
    nowhere.look()
    assert "boards" not in nowhere.model.layers


def experiment(place: Path, filmed: Any) -> Path:
    """A recording of the cameras, whose calibration is off."""
    for camera in filmed.cameras:
        path = place / "videos" / camera.name / "0.mp4"
        path.parent.mkdir(parents=True)
        with VideoWriter(path, 400, 320, 30.0, encoding=Encoding(quality=20)) as video:
            for _ in range(2):
                video.write(np.zeros((320, 400, 3), dtype=np.uint8))
    write_anipose(place / "calibration.toml", filmed.cameras)
    return place


def test_a_recording_takes_it(
    make: Any, viewer: Any, filmed: Any, made: Path, tmp_path: Path, qtbot: Any
) -> None:
    folder = experiment(tmp_path / "monday", filmed)
    recorder = napari_adapter.open_panel(viewer)
    with qtbot.waitSignal(recorder.opened, timeout=WAIT_MS):
        recorder.open(folder)
    panel = make()
    opened(panel, made, qtbot)
    box = panel.result.accept_box
    with qtbot.waitSignal(box.planned, timeout=WAIT_MS):
        panel.result.accept_button.click()
    assert box.chosen == folder
    told = "\n".join(check.text for check in box.lines.checks)
    assert "It differs from the calibration that monday has: position by" in told
    with qtbot.waitSignal(recorder.opened, timeout=WAIT_MS):
        box.write_button.click()
    (kept,) = folder.glob("calibration-before-*.toml")
    assert read_anipose(kept)[0].centre == pytest.approx(filmed.cameras[0].centre)
    ours = read_anipose(made / "calibration.toml")
    assert "monday is calibrated" in panel.status
    assert kept.name in panel.status
    on_screen = shown_in(viewer).recording.view("Camera2").camera
    np.testing.assert_allclose(on_screen.translation, ours[1].translation)
    # another recording has other cameras
    other = tmp_path / "other"
    (folder / "videos").rename(other)
    (other / "Camera3").rename(other / "side")
    with qtbot.waitSignal(box.planned, timeout=WAIT_MS):
        box.begin(panel.result.opened.cameras, Grade.RECORD_AGAIN, other)
    told = " ".join(check.text for check in box.lines.checks)
    assert "calibrated are Camera1, Camera2, Camera3" in told
    assert "should be recorded again" in told
    assert not box.write_button.isEnabled()


def test_the_report_is_opened(
    make: Any, made: Path, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "calibration"
    shutil.copytree(made, out)
    (out / "report.html").unlink(missing_ok=True)
    panel = make()
    opened(panel, out, qtbot)
    assert not panel.result.report_button.isEnabled()
    (out / "report.html").write_text("<p>", encoding="utf-8")
    urls: list[Any] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", urls.append)
    panel.take(out / "report.json")
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        pass
    panel.result.report_button.click()
    assert Path(urls[0].toLocalFile()) == out / "report.html"


def test_what_is_dropped_is_taken(make: Any, filmed: Any) -> None:
    panel = make()
    panel.take(filmed.folder)
    panel.take(filmed.board_file)
    values = panel.set_up.form.values()
    assert (values["source"], values["board"]) == (str(filmed.folder), str(filmed.board_file))


def test_coverage_in_words(qapp: Any) -> None:
    view = CoverageView()
    full, left = (3,) * 64, ((3,) * 4 + (0,) * 4) * 8
    half = BoardCoverage(
        cameras=("back", "mid", "top"),
        cells=(full, left, (0,) * 64),
        shared=((20, 9, 0), (9, 20, 0), (0, 0, 0)),
        tilts=(40.0, 25.0, 0.0),
        depths=(2.0, 2.0, 1.0),
    )
    view.show_coverage(half, so_far=True)
    assert unbroken(view.hints.text()) == "So far: Bring the board to the upper right of mid."
    view.show_coverage(half)
    told = unbroken(view.hints.text())
    assert told.startswith("The board was not seen by top yet; bring the board to the upper right")
    assert "tilt the board by 30 to 45 degrees before mid" in told
    assert "mid: seen 20 times, in 50 % of its image, tilted by about 25" in view.tiles.toolTip()
    view.show_coverage(None)
    assert view.pairs.isHidden()


def test_nothing_is_cut_off_in_a_narrow_dock(make: Any, made: Path, qtbot: Any) -> None:
    panel = make()
    opened(panel, made, qtbot)
    panel.resize(380, 900)
    assert panel.minimumSizeHint().width() <= 380
    for page in (panel.set_up, panel.result, panel.set_up.board_form):
        for widget in [*page.findChildren(QPushButton), *page.findChildren(QLabel)]:
            words = isinstance(widget, QLabel) and widget.wordWrap()
            if widget.isVisibleTo(page) and not words:
                assert widget.minimumSizeHint().width() <= 380


def click_in(viewer: napari.Viewer, camera: str, pixel: Any) -> None:
    """A press of the mouse in a cell, let go at once, as napari tells its callbacks."""
    layer = viewer.layers[f"{camera} measured points"]
    numbers = viewer.canvas.grid.contents_at
    rows, columns = viewer.canvas.grid.actual_shape(viewer.layers)
    cell = next(
        (row, column)
        for row in range(rows)
        for column in range(columns)
        if any(viewer.layers[i] is layer for i in numbers((row, column), viewer.layers))
    )
    place = layer.data_to_world(pixel[::-1])
    event = SimpleNamespace(
        button=1, modifiers=(), pos=(5, 5), position=(0.0, *place[-2:]), viewbox=cell,
        type="mouse_press",
    )  # fmt: skip
    (press,) = [each(viewer, event) for each in clicks_of(viewer)]
    next(press)
    event.type = "mouse_release"
    assert next(press, None) is None


def clicks_of(viewer: napari.Viewer) -> list[Any]:
    """Those who take clicks for measured points."""
    return [
        each
        for each in viewer.mouse_drag_callbacks
        if isinstance(getattr(each, "__self__", None), ClickMarks)
    ]


@pytest.fixture
def mine(made: Path, tmp_path: Path) -> Path:
    """A calibration of one's own."""
    return Path(shutil.copytree(made, tmp_path / "calibration"))


def test_measured_points_are_clicked_and_place_the_world(
    make: Any, viewer: napari.Viewer, filmed: Any, mine: Path, qtbot: Any
) -> None:
    panel = make()
    opened(panel, mine, qtbot)
    panel.result.world_button.click()
    box = panel.result.world_box
    box.where.setCurrentText("points that I measured")
    assert not box.set_button.isEnabled()
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        box.images_button.click()
    posts = np.array([[0, 0, 0], [100, 0, 0], [0, 80, 0], [50, 50, 30.0]])
    for row, post in enumerate(posts):
        if row:
            box.add_point.click()
        for axis, mm in enumerate(post):
            box.table.item(row, 1 + axis).setText(f"{mm:g}")
        for camera in filmed.cameras:
            click_in(viewer, camera.name, camera.project(post[None])[0])
    assert [box.table.item(row, 4).text() for row in range(4)] == ["3 of 3"] * 4
    np.testing.assert_allclose(
        box.measured.pixels, [camera.project(posts) for camera in filmed.cameras], atol=1e-3
    )
    told = " ".join(check.text for check in box.lines.checks)
    assert "4 measured points lie within 0." in told
    assert "right to 0.5 %" in told
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        box.set_button.click()
    assert panel.result.opened.folder == mine
    for found, truth in zip(panel.result.opened.cameras, filmed.cameras, strict=True):
        assert np.linalg.norm(found.centre - truth.centre) < 5
    assert "measured points" in " ".join(check.text for check in panel.result.findings.checks)
    # nobody takes clicks any more, and the points are there the next time
    assert not clicks_of(viewer)
    panel.result.world_button.click()
    assert box.measured.labels == ["post 1", "post 2", "post 3", "post 4"]
    box.where.setCurrentText("points that I measured")
    box.table.item(1, 1).setText("110")
    assert "too short" in " ".join(check.text for check in box.lines.checks)
    box.remove_point.click()
    assert box.measured.labels == ["post 2", "post 3", "post 4"]


def test_the_board_on_the_floor_places_the_world(
    make: Any, filmed: Any, mine: Path, qtbot: Any
) -> None:
    panel = make()
    opened(panel, mine, qtbot)
    panel.result.world_button.click()
    box = panel.result.world_box
    box.where.setCurrentText("the floor that the board lies on")
    assert not box.add_frame.isEnabled()
    with qtbot.waitSignal(panel.images_opened, timeout=WAIT_MS):
        panel.toggle_images()
    moments = panel.result.opened.corners.moments.tolist()
    panel.on_screen.images.go_to(moments.index(13))
    assert box.add_frame.text() == "Add frame 13"
    box.add_frame.click()
    panel.on_screen.show_rig(panel.result.opened)
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        box.set_button.click()
    for found, truth in zip(panel.result.opened.cameras, filmed.cameras, strict=True):
        assert found.centre[2] == pytest.approx(truth.centre[2], abs=4)
    row = panel.result.opened.corners.moments.tolist().index(13)
    np.testing.assert_allclose(panel.result.opened.corners.boards[row, :, 2], 0, atol=1e-3)
    assert panel.on_screen.rig is not None


def test_it_is_calibrated_again_with_other_settings(make: Any, mine: Path, qtbot: Any) -> None:
    panel = make()
    opened(panel, mine, qtbot)
    panel.result.again_button.click()
    assert panel.tabs.currentWidget() is panel.set_up
    assert "boards that were found before are used" in checked(panel, qtbot)
    panel.set_up.form.rows[("distortion",)].editor.set("k1")
    panel.set_up.form.rows[("out",)].editor.set(str(mine.parent / "other"))
    checked(panel, qtbot)
    with qtbot.waitSignal(panel.opened, timeout=WAIT_MS):
        panel.set_up.start_button.click()
    assert panel.result.opened.folder == mine.parent / "other"
    cameras = panel.result.opened.report.cameras
    assert cameras["Camera1"].intrinsics["k2"] == 0


def test_old_calibrations_without_their_boards_say_so(make: Any, mine: Path, qtbot: Any) -> None:
    (mine / "boards.npz").unlink()
    panel = make()
    opened(panel, mine, qtbot)
    assert not panel.result.world_button.isEnabled()
    assert "boards.npz" in panel.result.again_button.toolTip()
