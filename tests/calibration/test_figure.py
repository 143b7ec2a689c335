"""A drawing is the same as SVG and as an image."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.report.figure import (
    INK,
    PANEL,
    Arrows,
    Circles,
    Figure,
    Lines,
    Polyline,
    Rectangle,
    Shape,
    Text,
    rgb_of,
    shortened,
    text_width,
    wrapped,
)
from napari_sdannce.calibration.report.figure_image import to_image, to_png
from napari_sdannce.calibration.report.figure_svg import to_svg

SVG = "{http://www.w3.org/2000/svg}"
RED, BLUE = "#e00000", "#0000e0"
ENDS = np.array([[[10.0, 20], [40, 60]], [[50.5, 20.25], [50.5, 10]], [[np.nan, 0], [1, 1]]])


def drawn(*shapes: Shape) -> ElementTree.Element:
    return ElementTree.fromstring(to_svg(Figure(100, 80, shapes, "a figure")))


def test_arrows_point_from_the_first_to_the_second() -> None:
    paths = drawn(Arrows(ENDS, RED)).iter(f"{SVG}path")
    shafts, heads = (path.get("d") for path in paths)
    found = np.array(re.findall(r"M(\S+) (\S+?)L(\S+) ([\d.]+)", str(shafts)), dtype=float)
    np.testing.assert_allclose(found.reshape(-1, 2, 2), ENDS[:2])
    points = np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", str(heads)), dtype=float)
    for (left, tip, right), (start, end) in zip(points.reshape(-1, 3, 2), ENDS[:2], strict=True):
        np.testing.assert_allclose(tip, end)
        for barb in (left, right):
            assert (end - barb) @ (end - start) > 0
        assert np.linalg.norm(left - right) > 2


@pytest.mark.parametrize(
    ("shape", "painted", "bare"),
    [
        (Lines(ENDS, RED, 2), (25, 40), (40, 25)),
        (Arrows(ENDS, RED, 2), (25, 40), (40, 25)),
        (Circles(np.array([[30.0, 40]]), 5, RED), (30, 40), (37, 40)),
        (Circles(np.array([[30.0, 40]]), 5, RED, hollow=True), (35, 40), (30, 40)),
        (Rectangle(20, 30, 40, 10, RED), (21, 39), (17, 39)),
        (Polyline(np.array([[10.0, 10], [90, 10], [90, 70]]), RED, fill=RED), (80, 30), (20, 60)),
    ],
)
@pytest.mark.parametrize("scale", [1, 2.5])
def test_images_are_painted_where_shapes_are(
    shape: Shape, painted: tuple[int, int], bare: tuple[int, int], scale: float
) -> None:
    image = to_image(Figure(100, 80, (shape,)), scale)
    assert image.shape == (round(80 * scale), round(100 * scale), 3)
    for (x, y), red in ((painted, True), (bare, False)):
        row, column = int(y * scale), int(x * scale)
        near = image[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 3)
        is_red = (near[:, 0] > 200) & (near[:, 1] < 100)
        assert is_red.any() if red else not is_red.any()


def test_shapes_lie_at_fractions_of_a_pixel() -> None:
    """The grey of a line's two rows of pixels tells where between them it is."""
    rows = []
    for y in (40.0, 40.25, 40.5):
        line = Lines(np.array([[[10, y], [90, y]]]), "#000000")
        dark = 255.0 - to_image(Figure(100, 80, (line,)))[:, 50, 0]
        rows.append(float((dark * (np.arange(80) + 0.5)).sum() / dark.sum()))
    np.testing.assert_allclose(rows, [40.0, 40.25, 40.5], atol=0.1)


@pytest.mark.parametrize("old", [False, True])
def test_words_are_where_they_are_anchored(monkeypatch: pytest.MonkeyPatch, old: bool) -> None:
    if old:
        monkeypatch.delattr(cv2, "FontFace", raising=False)
    for anchor, left, right in (("start", 50, 90), ("middle", 30, 70), ("end", 10, 50)):
        text = Text(50, 40, "±abc", 14, anchor=anchor)  # type: ignore[arg-type]
        dark = np.argwhere(to_image(Figure(100, 80, (text,)))[..., 0] < 128)
        assert left - 2 <= dark[:, 1].min() < dark[:, 1].max() <= right + 2
        assert 20 < dark[:, 0].min() < dark[:, 0].max() <= 44
        (words,) = drawn(text).iter(f"{SVG}text")
        assert words.get("text-anchor", "start") == anchor
        assert (words.get("x"), words.get("y")) == ("50", "40")


def test_hostile_words_stay_words() -> None:
    words = '<script>alert("1")</script> & \x00 \ud800'
    figure = Figure(100, 80, (Text(5, 5, words),), words)
    root = ElementTree.fromstring(to_svg(figure))
    shown = words.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert [text.text for text in root.iter(f"{SVG}text")] == [shown]
    assert root.get("aria-label") == shown
    assert "<script" not in to_svg(figure)
    assert root.get("width") == "100"
    assert root.get("viewBox") == "0 0 100 80"


def test_named_colours_can_be_shown_otherwise() -> None:
    (box,) = drawn(Rectangle(0, 0, 10, 10, PANEL, INK)).iter(f"{SVG}rect")
    assert box.get("class") == "fill-panel stroke-ink"
    assert box.get("fill") == f"#{bytes(rgb_of(PANEL)).hex()}"
    (box,) = drawn(Rectangle(0, 0, 10, 10, BLUE)).iter(f"{SVG}rect")
    assert box.get("class") is None


def test_a_figure_within_another_is_the_same_picture_elsewhere() -> None:
    shapes = (
        Lines(ENDS, RED), Arrows(ENDS, RED), Circles(ENDS[:, 0], 3, BLUE), Rectangle(5, 60, 20, 10),
        Polyline(ENDS[:2, 1], BLUE), Text(40, 70, "words"),
    )  # fmt: skip
    inner = Figure(100, 80, shapes)
    outer = Figure(220, 170, inner.placed(20, 10, 2))
    alone, within = to_image(inner, 2), to_image(outer)
    assert (alone < 250).any()
    np.testing.assert_array_equal(within[10:170, 20:], alone)


def test_long_words_are_cut_or_wrapped_to_fit() -> None:
    name = "a camera of a very long name, the 12th"
    short = shortened(name, 12, 120)
    assert text_width(short, 12) <= 120
    assert short.startswith("a cam")
    assert short.endswith("12th")
    lines = list(wrapped(name + " " + "x" * 100, 12, 120))
    assert all(text_width(line, 12) <= 120 for line in lines)
    assert " ".join(lines[:-1]) == name
    assert list(wrapped("", 12, 100)) == []


def test_words_are_not_wider_than_they_are_taken_to_be() -> None:
    if not hasattr(cv2, "FontFace"):
        pytest.skip("an older OpenCV has another font")
    font = cv2.FontFace("sans")
    for words in ("Camera_back_left_04", "MWQ@% 100 %", "held-out error: 0.123 px ± 0.004", "日本"):
        for bold in (False, True):
            weight = 700 if bold else 400
            _, _, width, _ = cv2.getTextSize((0, 0), words, (0, 0), font, 20, weight=weight)
            assert width <= 1.03 * text_width(words, 20, bold=bold)


def test_a_png_has_the_size_of_its_figure() -> None:
    data = np.frombuffer(to_png(Figure(100, 80, (Rectangle(0, 0, 50, 80, RED),)), 2), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (160, 200, 3)
    assert image[80, 50].tolist() == [0, 0, 224]  # OpenCV reads blue first
