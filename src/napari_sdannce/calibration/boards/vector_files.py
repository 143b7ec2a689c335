"""Pages of rectangles and text as SVG and PDF, in millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from .print_board import Page, Text

POINTS_PER_MM = 72 / 25.4


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def to_svg(page: Page) -> bytes:
    """A page as SVG, whose unit is the millimetre."""
    width, height = _number(page.width), _number(page.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for rectangles, is_black in page.fills:
        # one path, lest hairlines show where rectangles touch
        path = "".join(_svg_rectangle(rectangle) for rectangle in rectangles)
        parts.append(f'<path fill="{"#000000" if is_black else "#ffffff"}" d="{path}"/>')
    parts += [
        f'<text x="{_number(each.x)}" y="{_number(each.y)}" font-size="{_number(each.size)}" '
        f'font-family="Helvetica, Arial, sans-serif">{escape(each.text)}</text>'
        for each in page.texts
    ]
    return "\n".join([*parts, "</svg>", ""]).encode()


def _svg_rectangle(rectangle: npt.NDArray[np.float64]) -> str:
    left, top, right, bottom = (_number(value) for value in rectangle.tolist())
    return f"M{left} {top}H{right}V{bottom}H{left}Z"


def to_pdf(pages: Sequence[Page]) -> bytes:
    """Pages as PDF 1.4, whose unit is the point, 1/72 inch.

    ISO 32000-1; text in Helvetica, which every reader has.
    """
    font = 3 + 2 * len(pages)
    kids = " ".join(f"{3 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
    ]
    for i, page in enumerate(pages):
        content = _content(page)
        box = f"0 0 {_number(page.width * POINTS_PER_MM)} {_number(page.height * POINTS_PER_MM)}"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents {4 + 2 * i} 0 R "
            f"/Resources << /Font << /F {font} 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    objects.append(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    )
    return _file(objects)


def _content(page: Page) -> bytes:
    """Drawing operators, in mm from the upper left corner."""
    scale = f"{POINTS_PER_MM:.9f}"
    parts = [f"{scale} 0 0 -{scale} 0 {_number(page.height * POINTS_PER_MM)} cm"]
    for rectangles, is_black in page.fills:
        parts.append("0 g" if is_black else "1 g")
        for left, top, right, bottom in rectangles.tolist():
            numbers = (left, top, right - left, bottom - top)
            parts.append(" ".join([*map(_number, numbers), "re"]))
        parts.append("f")
    return "\n".join([*parts, "0 g", *map(_pdf_text, page.texts)]).encode("cp1252", "replace")


def _pdf_text(text: Text) -> str:
    plain = text.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    size, x, y = _number(text.size), _number(text.x), _number(text.y)
    return f"BT /F {size} Tf 1 0 0 -1 {x} {y} Tm ({plain}) Tj ET"


def _file(objects: Sequence[bytes]) -> bytes:
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        written += b"%010d 00000 n \n" % place
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, start,
    )  # fmt: skip
    return bytes(written)
