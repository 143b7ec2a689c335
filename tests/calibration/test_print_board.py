from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.boards.print_board import PAGES, board_pages, print_board
from napari_sdannce.calibration.detection.detect import find_board

CHARUCO = CharucoBoard(5, 7, 30.0, 22.5, "DICT_4X4_50")
CHESS = Checkerboard(6, 4, 25.0)
DOTS_PER_MM = 4


def rasterised(size, fills) -> np.ndarray:
    """Grey image of rectangles in mm, (left, top, right, bottom), with 4 pixels a mm."""
    width, height = size
    page = np.full((round(height * DOTS_PER_MM), round(width * DOTS_PER_MM)), 255, np.uint8)
    for rectangles, is_black in fills:
        for left, top, right, bottom in np.rint(rectangles * DOTS_PER_MM).astype(int):
            page[top:bottom, left:right] = 0 if is_black else 255
    return page


def of_svg(path):
    """Size in mm and fills of a file, read anew."""
    root = ET.parse(path).getroot()
    size = [float(root.get(key).removesuffix("mm")) for key in ("width", "height")]
    assert root.get("viewBox") == f"0 0 {size[0]:g} {size[1]:g}"
    fills = []
    for path_ in root.iter("{http://www.w3.org/2000/svg}path"):
        found = re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)H[\d.]+Z", path_.get("d"))
        fills.append((np.array(found, dtype=float), path_.get("fill") == "#000000"))
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    return size, fills, texts


def of_pdf(path):
    """The same of each page, from the numbers that are in the file, in points."""
    content = path.read_bytes()
    pages = []
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content)
    streams = re.findall(rb"stream\n(.*?)\nendstream", content, re.S)
    for box, stream in zip(boxes, streams, strict=True):
        size = [float(value) / 72 * 25.4 for value in box]
        lines = stream.decode("cp1252").split("\n")
        a, b, c, d, e, f, operator = lines[0].split()
        assert (float(b), float(c), float(e), operator) == (0, 0, 0, "cm")
        fills, rectangles, black = [], [], True
        for line in lines[1:]:
            *numbers, operator = line.split()
            if operator == "g":
                black = numbers == ["0"]
            elif operator == "re":
                x, y, w, h = map(float, numbers)
                # to points, and from their lower left corner to mm from the upper left
                left, right = (float(a) * each / 72 * 25.4 for each in (x, x + w))
                top, bottom = (
                    size[1] - (float(d) * each + float(f)) / 72 * 25.4 for each in (y, y + h)
                )
                rectangles.append((left, top, right, bottom))
            elif operator == "f":
                fills.append((np.array(rectangles), black))
                rectangles = []
        pages.append((size, fills, re.findall(r"\((.*)\) Tj", stream.decode("cp1252"))))
    return pages


def check_true_scale(size, fills, board) -> None:
    """The board is found in the page, and its squares are as large as they should be."""
    image = rasterised(size, fills)
    seen = np.pad(image, 40, constant_values=255)
    sighting = find_board(seen, board)
    assert sighting is not None
    assert sighting.n_corners == board.points.shape[1]
    placed = sighting.corners / DOTS_PER_MM
    for order in board.symmetries:
        expected = board.points[0, order, :2]
        moved = placed - placed.mean(axis=0) + expected.mean(axis=0)
        if np.abs(moved - expected).max() < 0.05:  # mm
            return
    pytest.fail("corners are not where the board has them")


BOARDS = [
    CHARUCO,
    replace(CHARUCO, inverted=True),
    replace(CHARUCO, legacy=True, squares_down=6),
    CharucoBoard(8, 5, 30.0, 21.0, "DICT_APRILTAG_36H11"),
    CHESS,
]


@pytest.mark.parametrize("board", BOARDS, ids=str)
def test_svg_holds_the_board_at_its_true_size(board, tmp_path):
    (path,) = print_board(tmp_path / "board.svg", board)
    size, fills, texts = of_svg(path)
    assert sorted(size) == [210, 297]
    check_true_scale(size, fills, board)
    assert any("100 mm" in text for text in texts)
    assert any(f"square_mm = {board.square_mm}" in text for text in texts)


@pytest.mark.parametrize("board", BOARDS, ids=str)
def test_pdf_holds_the_board_at_its_true_size(board, tmp_path):
    (path,) = print_board(tmp_path / "board.pdf", board, page="a3")
    ((size, fills, texts),) = of_pdf(path)
    assert sorted(size) == pytest.approx([297, 420], abs=0.001)
    check_true_scale(size, fills, board)
    ruler = fills[-1][0]
    assert ruler[:, 2].max() - ruler[:, 0].min() == pytest.approx(100, abs=0.001)
    assert any("100 mm" in text for text in texts)


def test_pdf_says_truly_where_its_objects_are(tmp_path):
    content = print_board(tmp_path / "b.pdf", CHESS)[0].read_bytes()
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    assert content[start:].startswith(b"xref")
    places = re.findall(rb"(\d{10}) 00000 n ", content[start:])
    for number, place in enumerate(places, start=1):
        assert content[int(place) :].startswith(b"%d 0 obj" % number)
    lengths = [int(n) for n in re.findall(rb"/Length (\d+)", content)]
    streams = re.findall(rb"stream\n(.*?)\nendstream", content, re.S)
    assert lengths == [len(stream) for stream in streams]


def test_back_lies_behind_the_front(tmp_path):
    board = replace(CHARUCO, two_sided=True)
    front, back = print_board(tmp_path / "board.svg", board)
    assert back.name == "board-back.svg"
    (size, fronts, _), (_, backs, _) = of_svg(front), of_svg(back)
    seen = rasterised(size, backs[:-1])
    np.testing.assert_array_equal(seen[:, ::-1], rasterised(size, fronts[:-1]))
    assert find_board(seen, CHARUCO) is None
    sighting = find_board(np.ascontiguousarray(seen), board)
    assert sighting is not None
    assert sighting.side == 1
    assert len(of_pdf(print_board(tmp_path / "board.pdf", board)[0])) == 2


def test_what_does_not_fit():
    large = CharucoBoard(8, 11, 24.0, 18.0)
    with pytest.raises(ValueError, match=r"192 x 264 mm and does not fit on a4.* fits on a3, a2"):
        board_pages(large, "a4")
    (page,) = board_pages(large, "board")
    assert (page.width, page.height) > (192, 264)
    with pytest.raises(ValueError, match="no page 'a7'; possible: a4"):
        board_pages(large, "a7")
    wide = CharucoBoard(11, 7, 24.0, 18.0)
    (lying,) = board_pages(wide, "a4")
    assert (lying.width, lying.height) == PAGES["a4"][::-1]


def test_nothing_is_drawn_outside_of_the_paper_or_over_the_text():
    for board in (*BOARDS, CharucoBoard(3, 3, 9.0, 6.0)):
        for name in ("a4", "letter", "board"):
            for page in board_pages(board, name):
                pattern = np.concatenate([fill for fill, _ in page.fills[:-1]])
                ruler = page.fills[-1][0]
                assert pattern[:, :2].min() >= 7
                assert (pattern[:, 2] <= page.width - 7).all()
                assert pattern[:, 3].max() < ruler[:, 1].min() - 3
                assert ruler[:, 3].max() < page.height
                assert all(text.y <= page.height - 6 for text in page.texts)


def test_files(tmp_path):
    print_board(tmp_path / "board.svg", CHESS)
    with pytest.raises(FileExistsError):
        print_board(tmp_path / "board.svg", CHESS)
    print_board(tmp_path / "board.svg", CHESS, overwrite=True)
    with pytest.raises(ValueError, match=r"written as \.pdf or \.svg"):
        print_board(tmp_path / "board.png", CHESS)
