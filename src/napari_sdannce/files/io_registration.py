"""Noting label files in ``io.yaml`` of the reference program, the text of people left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import yaml

from .errors import FileFormatError
from .project_file import relative_path
from .reference_config import DEFAULT_IO, EXPECTED, read_reference_config
from .writing import atomic_path
from .yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .yaml_file import YamlFile

Key = Literal["com_exp", "exp"]
_FILES = ("label3d_file", "com_file")


def note_in_io(
    folder: Path, key: Key, labels: Sequence[Path], coms: Sequence[Path] | None = None
) -> Path:
    """Add label files to what the reference program trains with.

    Parameters
    ----------
    folder
        The experiment; a missing ``io.yaml`` is made.
    key
        ``com_exp`` for COMs, ``exp`` for poses.
    labels
        Files, one an animal of a recording where they are of poses.
    coms
        COMs of each, where there are such.

    Returns
    -------
    The ``io.yaml``.

    Raises
    ------
    FileFormatError
        When what is there is no such file, or cannot be added to without writing it anew.
    """
    path = folder / DEFAULT_IO
    entries = [_entry(folder, each) for each in _in_pairs(labels, coms)]
    if not path.exists():
        return _write(path, _as_text(key, entries))
    read_reference_config(path, folder=folder)  # refuses what the program would refuse
    file = read_yaml(path, EXPECTED)
    there = file.content.get(key) or []
    known = {each.get("label3d_file") for each in there}
    new = [each for each in entries if each["label3d_file"] not in known]
    if not new:
        return path
    old = path.read_bytes().decode("utf-8-sig")  # places in it count the \r of Windows
    text = _with_entries(old, file, key, new)
    if "\r\n" in old:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    expected = {**file.content, key: [*there, *new]}
    if _content(text) != expected:
        lines = yaml.safe_dump(new, allow_unicode=True, width=10**6)
        raise FileFormatError(
            path, f"nothing can be added to its '{key}'; add by hand:\n{lines}", EXPECTED
        )
    return _write(path, text)


def _in_pairs(
    labels: Sequence[Path], coms: Sequence[Path] | None
) -> list[tuple[Path, Path | None]]:
    return list(zip(labels, coms if coms is not None else [None] * len(labels), strict=True))


def _entry(folder: Path, files: tuple[Path, Path | None]) -> dict[str, str]:
    return {
        name: relative_path(folder, file)
        for name, file in zip(_FILES, files, strict=True)
        if file is not None
    }


def _as_text(key: Key, entries: Sequence[Mapping[str, str]], indent: str = "") -> str:
    return f"{key}:\n{_items(entries, indent)}"


def _items(entries: Sequence[Mapping[str, str]], indent: str) -> str:
    lines = yaml.safe_dump(list(entries), allow_unicode=True, width=10**6, sort_keys=False)
    return "".join(f"{indent}{line}\n" for line in lines.splitlines())


def _with_entries(text: str, file: YamlFile, key: Key, new: Sequence[Mapping[str, str]]) -> str:
    """Text with more items under a key, at the end of its list."""
    node = _value(file.node, key)
    if node is None:
        return (text if not text or text.endswith("\n") else text + "\n") + _as_text(key, new)
    if isinstance(node, yaml.SequenceNode) and node.flow_style:
        end = node.end_mark.index - 1  # its bracket
        items = [yaml.safe_dump(dict(each), default_flow_style=True, width=10**6).strip()
                 for each in new]  # fmt: skip
        comma = ", " if node.value else ""
        return f"{text[:end].rstrip()}{comma}{', '.join(items)}{text[end:]}"
    in_list = isinstance(node, yaml.SequenceNode)
    indent = " " * (node.start_mark.column if in_list else 0)
    lines = text.splitlines(keepends=True)
    row = _last(node).end_mark.line if in_list else node.start_mark.line
    if not lines[row].endswith("\n"):
        lines[row] += "\n"
    return "".join([*lines[: row + 1], _items(new, indent), *lines[row + 1 :]])


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _last(node: yaml.Node) -> yaml.Node:
    """The scalar, or the list in brackets, that ends a node; marks of blocks end far behind it."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _content(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _write(path: Path, text: str) -> Path:
    with atomic_path(path, overwrite=True) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    return path
