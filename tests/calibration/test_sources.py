from __future__ import annotations

from contextlib import closing

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import Checkerboard
from napari_sdannce.calibration.detection.find_boards import find_boards
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.sources.board_source import open_source
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.video import Encoding, VideoWriter


def write_stills(folder, camera: str, names: list[str], *, size=(40, 32), first: int = 0) -> None:
    (folder / camera).mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        image = np.full(size[::-1], 10 * (first + i), np.uint8)
        assert cv2.imwrite(str(folder / camera / name), image)


def write_video(path, n: int) -> None:
    """Frame i is as bright as 5 i + 20."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 64, 48, 10.0, encoding=Encoding(quality=5)) as video:
        for i in range(n):
            video.write(np.full((48, 64, 3), 5 * i + 20, np.uint8))


def level(image) -> int:
    """Number of the frame of such a video."""
    return round((float(image.mean()) - 20) / 5)


def rows(source) -> list[list[int | None]]:
    """First grey value of all images."""
    views = range(len(source.names))
    seen = [[source.read(m, v) for v in views] for m in range(source.n_moments)]
    return [[None if image is None else int(image[0, 0]) for image in row] for row in seen]


def levels(source) -> list[list[int | None]]:
    """Numbers of all frames of such videos."""
    views = range(len(source.names))
    seen = [[source.read(m, v) for v in views] for m in range(source.n_moments)]
    return [[None if image is None else level(image) for image in row] for row in seen]


def test_stills_in_natural_order(tmp_path):
    write_stills(tmp_path, "left", ["a-9.png", "a-10.png", "a-11.png"])
    write_stills(tmp_path, "right", ["b-1.png", "b-2.png", "b-3.png"], first=5)
    source = open_source(tmp_path)
    assert source.names == ("left", "right")
    assert rows(source) == [[0, 50], [10, 60], [20, 70]]
    assert source.told == ("images belong to one moment in the order of their names",)


def test_unequal_counts_are_matched_by_number(tmp_path):
    write_stills(tmp_path, "left", ["l1.png", "l2.png", "l10.png"])
    write_stills(tmp_path, "right", ["r02.png", "r10.png"], first=5)
    source = open_source(tmp_path)
    assert "end with one number" in source.told[0]
    assert "left: 3, right: 2" in source.told[0]
    assert rows(source) == [[0, None], [10, 50], [20, 60]]


def test_equal_names_come_before_order_and_numbers(tmp_path):
    write_stills(tmp_path, "left", ["1.png", "2.png", "4.png"])
    write_stills(tmp_path, "right", ["1.png", "3.png", "4.png"], first=5)
    source = open_source(tmp_path)
    assert source.told == ("images of equal name belong to one moment",)
    assert rows(source) == [[0, 50], [10, None], [None, 60], [20, 70]]


def test_unequal_counts_that_no_name_matches(tmp_path):
    write_stills(tmp_path, "left", ["x.png", "y.png", "z.png"])
    write_stills(tmp_path, "right", ["u.png", "v.png"])
    with pytest.raises(CalibrationError, match=r"left: 3, right: 2\) under different names"):
        open_source(tmp_path)
    # each by itself they serve for lenses
    assert rows(open_source(tmp_path, in_time=False)) == [[0, 0], [10, 10], [20, None]]


def test_equal_counts_with_different_gaps_are_matched_by_number(tmp_path):
    """In their order, most would be matched wrongly."""
    write_stills(tmp_path, "left", ["l1.png", "l2.png", "l4.png"])
    write_stills(tmp_path, "right", ["r1.png", "r3.png", "r4.png"])
    source = open_source(tmp_path)
    assert source.n_moments == 4
    seen = [[source.read(moment, view) is not None for view in range(2)] for moment in range(4)]
    assert seen == [[True, True], [True, False], [False, True], [True, True]]
    assert "one number belong to one moment" in source.told[0]


def test_numbers_that_begin_elsewhere_are_matched_in_order(tmp_path):
    write_stills(tmp_path, "left", ["l1.png", "l2.png", "l3.png"])
    write_stills(tmp_path, "right", ["r2.png", "r3.png", "r4.png"])
    source = open_source(tmp_path)
    assert source.n_moments == 3
    assert any("an image may be missing" in told for told in source.told)


def test_a_folder_without_images_is_told(tmp_path):
    write_stills(tmp_path, "left", ["1.png", "2.png"])
    write_stills(tmp_path, "right", ["1.png", "2.png"])
    (tmp_path / "top").mkdir()
    source = open_source(tmp_path)
    assert source.names == ("left", "right")
    assert "left out: top holds no image" in source.told


def test_sizes_that_differ_within_a_camera(tmp_path):
    write_stills(tmp_path, "left", ["1.png", "2.png"])
    write_stills(tmp_path, "left", ["3.png"], size=(32, 40))
    told = "images of camera 'left' differ in size.*40 x 32 px: 1.png, 2.png; 32 x 40 px: 3.png"
    with pytest.raises(CalibrationError, match=told):
        open_source(tmp_path)


def test_images_of_any_kind_become_grey(tmp_path):
    folder = tmp_path / "only"
    folder.mkdir()
    ramp = np.tile(np.arange(64, dtype=np.uint16) * 64, (48, 1))  # 12 of 16 bits
    cv2.imwrite(str(folder / "1.png"), ramp)
    rgba = np.zeros((48, 64, 4), np.uint8)
    rgba[..., 1] = 200
    cv2.imwrite(str(folder / "2.png"), rgba)
    cv2.imwrite(str(folder / "3%d.tif"), ramp.astype(np.uint8))
    source = open_source(tmp_path)
    deep, green, plain = (source.read(moment, 0) for moment in range(3))
    assert {image.shape for image in (deep, green, plain)} == {(48, 64)}
    assert deep.dtype == np.uint8
    assert deep[0, -1] == 255
    assert deep[0, 32] == pytest.approx(255 * 32 / 63, abs=1)
    assert green[0, 0] == pytest.approx(0.587 * 200, abs=1)


def test_images_that_can_not_be_read_are_told(tmp_path):
    folder = tmp_path / "only"
    write_stills(tmp_path, "only", ["1.png"])
    jpg = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (32, 40), np.uint8))[1]
    (folder / "2.jpg").write_bytes(jpg.tobytes()[: len(jpg) // 2])
    (folder / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "4.png").write_text("no image")
    (folder / "5.bmp").write_bytes(b"")
    whole = (folder / "1.png").read_bytes()
    (folder / "6.png").write_bytes(whole[:-30])  # its header is fine
    source = open_source(tmp_path)
    assert rows(source) == [[0]] + [[None]] * (source.n_moments - 1)
    for name in ("2.jpg", "3.png", "4.png", "5.bmp", "6.png"):
        assert any(f"not used: {folder / name}: " in told for told in source.told), name


def test_one_folder_of_images_is_one_camera(tmp_path):
    write_stills(tmp_path, "top", ["1.png", "2.png"])
    assert open_source(tmp_path / "top").names == ("top",)


def test_results_beside_the_images_are_no_camera(tmp_path):
    write_stills(tmp_path, "left", ["1.png", "2.png"])
    write_stills(tmp_path, "calibration", ["report.png"])
    (tmp_path / "calibration" / "report.json").write_text("{}")
    assert open_source(tmp_path).names == ("left",)


def test_nothing_to_see(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "nowhere")
    with pytest.raises(FileFormatError):
        open_source(tmp_path)
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "1.png").write_text("no image")
    with pytest.raises(FileFormatError, match=r"no image can be read .*1\.png"):
        open_source(tmp_path)


def test_what_all_cameras_saw_beside_what_each_saw(tmp_path):
    for camera in ("left", "right"):
        write_stills(tmp_path / "intrinsics", camera, ["1.png", "2.png"])
        write_stills(tmp_path / "extrinsics", camera, ["1.png"])
    assert open_source(tmp_path).n_moments == 1
    assert open_source(tmp_path / "intrinsics", in_time=False).n_moments == 2


def test_stills_have_no_times(tmp_path):
    write_stills(tmp_path, "top", ["1.png"])
    with pytest.raises(CalibrationError, match="still images can not be matched by 'timestamps'"):
        open_source(tmp_path, "timestamps")


def test_videos_of_unequal_length(tmp_path):
    write_video(tmp_path / "cam_0.mp4", 5)
    write_video(tmp_path / "cam_1.mp4", 3)
    with closing(open_source(tmp_path)) as source:
        assert levels(source) == [[0, 0], [1, 1], [2, 2], [3, None], [4, None]]
        assert "frames of equal number belong to one moment" in source.told


def test_videos_with_times(tmp_path):
    for camera in (0, 1):
        write_video(tmp_path / f"cam_{camera}.mp4", 5)
    # the second camera begins two frames later; the numbers of frames go on from an earlier video
    lines = [f"{26 + i},{camera},{26 + i},{10 + 0.1 * i + 0.2 * camera + 0.01:.3f}"
             for i in range(5) for camera in (0, 1)]  # fmt: skip
    text = "\n".join(["sync_index,cam_id,frame_index,frame_time", *lines])
    (tmp_path / "timestamps.csv").write_text(text)
    with closing(open_source(tmp_path, "timestamps")) as source:
        assert levels(source) == [[0, None], [1, None], [2, 0], [3, 1], [4, 2]]
    with closing(open_source(tmp_path)) as source:  # as its sync_index says
        assert levels(source) == [[i, i] for i in range(5)]
    (tmp_path / "timestamps.csv").write_text(text.replace("frame_time", "time"))
    with pytest.raises(FileFormatError, match="no frame_time"):
        open_source(tmp_path)


@pytest.mark.realdata
def test_real_sources(shared_data):
    stills = open_source(shared_data / "mouse4cam/board")
    assert stills.names == ("back", "mid", "side", "top")
    assert stills.n_moments == 21
    with closing(open_source(shared_data / "charuco4cam")) as videos:
        assert videos.n_moments == 111
        assert videos.read(0, 0).shape == (720, 1280)


@pytest.mark.parametrize("to_the_end", [True, False])
def test_a_search_leaves_the_threads_of_opencv_as_they_were(tmp_path, to_the_end):
    write_stills(tmp_path, "left", ["1.png", "2.png"])
    write_stills(tmp_path, "right", ["1.png", "2.png"])
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(7)
        search = find_boards(open_source(tmp_path), Checkerboard(5, 4, 10.0), range(2))
        next(search)
        assert cv2.getNumThreads() < 7
        if to_the_end:
            list(search)
        search.close()
        assert cv2.getNumThreads() == 7
    finally:
        cv2.setNumThreads(before)


def test_a_folder_without_images_is_told_what_is_expected(tmp_path):
    with pytest.raises(FileFormatError, match=r"neither videos .* folder of still images a camera"):
        open_source(tmp_path)
