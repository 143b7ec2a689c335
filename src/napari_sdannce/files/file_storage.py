"""Files of OpenCV's ``cv::FileStorage``: YAML, XML and JSON with matrices in them.

Read by our own code, so that a damaged file is an error and nothing else; matrices become arrays.
YAML that other programs wrote by hand, a matrix as lists or as rows, cols and data, is understood.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import yaml

from .errors import FileFormatError
from .yaml_file import PlainLoader, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MAX_BYTES = 16_000_000
_DEEPEST = 20
_MATRIX = "opencv-matrix"
_DT = re.compile(r"(\d{0,2})[ucwsifdhUCWSIFDH]")
_JSON = re.compile(r"\s*\{\s*[\"{}]")
_HEADER = re.compile(r"\A\s*%YAML[: ][0-9.]+[^\n]*\n")


def read_storage(path: Path, expected: str) -> dict[str, Any]:
    """Content of a file, matrices as arrays.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is none of the three kinds, or damaged.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileFormatError(path, f"it has more than {_MAX_BYTES} bytes", expected)
        text = path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, FileFormatError):
        raise
    except (OSError, ValueError) as error:
        raise FileFormatError(path, f"not readable as text: {error}", expected) from error
    if text.lstrip().startswith("<"):
        return _read_xml(path, text, expected)
    if _JSON.match(text):
        return _read_json(path, text, expected)
    return parse_yaml(path, _HEADER.sub("", text), expected, _StorageLoader).content


def array_of(value: Any) -> Any:
    """Array of a mapping with rows, cols and data, as ROS writes them; others as they are."""
    if isinstance(value, dict) and {"rows", "cols", "data"} <= set(value):
        return _matrix(value)
    return value


def _matrix(entry: Mapping[str, Any]) -> np.ndarray:
    """(rows, cols) or (rows, cols, channels) of a matrix in a file."""
    rows, cols, data = entry.get("rows"), entry.get("cols"), entry.get("data")
    if not (isinstance(rows, int) and isinstance(cols, int) and isinstance(data, list)):
        raise ValueError("a matrix needs 'rows', 'cols' and 'data'")
    kind = _DT.fullmatch(str(entry.get("dt", "d")))
    if kind is None:
        raise ValueError(f"a matrix has the unknown type '{entry.get('dt')}'"[:80])
    channels = int(kind[1] or 1)
    if min(rows, cols, channels) < 0 or rows * cols * channels != len(data):
        raise ValueError(f"a matrix of {rows} x {cols} has {len(data)} numbers"[:120])
    values = np.array([float(each) for each in data], dtype=np.float64)
    return values.reshape((rows, cols) if channels == 1 else (rows, cols, channels))


class _StorageLoader(PlainLoader):
    """Plain data, and matrices."""


def _construct_matrix(loader: _StorageLoader, node: yaml.Node) -> np.ndarray:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.MarkedYAMLError(problem="a matrix needs keys", problem_mark=node.start_mark)
    entry = loader.construct_mapping(node, deep=True)
    try:
        return _matrix(entry)
    except (ValueError, TypeError, OverflowError) as error:
        raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from error


_StorageLoader.add_constructor(f"tag:yaml.org,2002:{_MATRIX}", _construct_matrix)


def _read_json(path: Path, text: str, expected: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_hook=_from_json)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise FileFormatError(path, f"not readable as JSON: {error}", expected) from error
    if not isinstance(found, dict):
        raise FileFormatError(path, "it holds no keys with values", expected)
    return found


def _from_json(entry: dict[str, Any]) -> Any:
    return _matrix(entry) if entry.get("type_id") == _MATRIX else entry


def _read_xml(path: Path, text: str, expected: str) -> dict[str, Any]:
    if "<!" in text.replace("<!--", ""):
        # entities can blow up a small file, and a calibration needs none
        raise FileFormatError(path, "it has a document type, which is not read", expected)
    try:
        root = ElementTree.fromstring(text)
        found = _from_xml(root, 0)
    except (ElementTree.ParseError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise FileFormatError(path, f"not readable as XML: {error}", expected) from error
    if not isinstance(found, dict):
        raise FileFormatError(path, "it holds no keys with values", expected)
    return found


def _from_xml(element: ElementTree.Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"it is nested deeper than {_DEEPEST}")
    children = list(element)
    if element.get("type_id") == _MATRIX:
        parts = {child.tag: (child.text or "") for child in children}
        data = [float(each) for each in parts.get("data", "").split()]
        sides = {side: int(parts.get(side, "")) for side in ("rows", "cols")}
        return _matrix({**sides, "dt": parts.get("dt", "d").strip(), "data": data})
    if not children:
        return _scalar((element.text or "").strip())
    if all(child.tag == "_" for child in children):
        return [_from_xml(child, depth + 1) for child in children]
    return {child.tag: _from_xml(child, depth + 1) for child in children}


def _scalar(text: str) -> Any:
    """A number, several of them, or text."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    found = [_number(part) for part in text.split()]
    if not found or None in found:
        return text
    return found[0] if len(found) == 1 else found


def _number(text: str) -> int | float | None:
    if re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def storage_yaml(entries: Sequence[tuple[str, Any]], indent: str = "") -> str:
    """Text of entries in the YAML of FileStorage, without its header.

    Values are arrays (matrices), numbers, text, or a list of such entries (a sequence of maps).
    """
    lines = []
    for key, value in entries:
        if isinstance(value, np.ndarray):
            matrix = np.atleast_2d(value)
            data = ", ".join(f"{each:.17g}" for each in matrix.ravel().tolist())
            lines.append(
                f"{key}: !!{_MATRIX}\n   rows: {len(matrix)}\n   cols: {matrix.shape[1]}\n"
                f"   dt: d\n   data: [ {data} ]\n"
            )
        elif isinstance(value, list):
            parts = "".join(f"   -\n{storage_yaml(each, '      ')}" for each in value)
            lines.append(f"{key}:\n{parts}")
        else:
            # text of JSON is text of YAML
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}\n")
    text = "".join(lines)
    return "".join(f"{indent}{line}\n" for line in text.splitlines())


HEADER = "%YAML:1.0\n---\n"
"""First lines of a YAML file that FileStorage reads."""
