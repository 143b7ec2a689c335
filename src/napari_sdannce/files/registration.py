"""Noting results in the project file of an experiment, so that later steps find them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from napari_sdannce.recording import Problem

from .errors import FileFormatError
from .project_file import Project, project_path, read_project, relative_path, write_project
from .writing import atomic_path

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from .project_file import Kind


def register(folder: str | os.PathLike[str], kind: Kind, path: str | os.PathLike[str]) -> Project:
    """Add a label set, COM trace, prediction or run to the project of a folder.

    A folder without a project file gets one, which says nothing else: the rest is still found by
    the layout of the folder. In one that a person wrote everything stays as it stands, comments
    too, wherever one more path can be added without writing it anew.

    Raises
    ------
    FileFormatError
        When the project file that is there cannot be read.
    OSError
        When it cannot be written.
    """
    file = project_path(folder)
    is_new = not file.is_file()
    before = Project() if is_new else read_project(file)
    entry = relative_path(file.parent, path)
    after = before.registered(kind, entry)
    if is_new or (after != before and not _add_line(file, kind, entry, after)):
        write_project(file, after, overwrite=True)
    return after


def register_if_project(folder: Path, kind: Kind, path: Path) -> Problem | None:
    """Add a result to the project of a folder that has one; other folders are left alone.

    Returns
    -------
    What kept it from being added. The result itself is there all the same.
    """
    if not project_path(folder).is_file():
        return None
    try:
        register(folder, kind, path)
    except (OSError, FileFormatError) as error:
        return Problem(project_path(folder), f"{path} is not registered in it: {error}")
    return None


def _add_line(file: Path, kind: Kind, entry: str, expected: Project) -> bool:
    """Add a path to the text of a project file; False when that would not say `expected`."""
    text = _with_entry(file.read_text(encoding="utf-8"), kind, entry)
    if text is None:
        return False
    try:
        found = Project.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError):
        return False
    if found != expected:
        return False
    with atomic_path(file, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return True


def _with_entry(text: str, kind: Kind, entry: str) -> str | None:
    """Text with one more path under a key: behind those of the list, or at the end with the key.

    None where the key is there and its list is not found.
    """
    item = yaml.safe_dump([entry], allow_unicode=True, width=10**6)  # "- path" and a line end
    in_brackets = re.compile(rf"^({kind}: *\[.+)(\].*)$", re.MULTILINE)
    if in_brackets.search(text):
        return in_brackets.sub(lambda found: f"{found[1]}, {item[2:-1]}{found[2]}", text, count=1)
    text = text if text.endswith("\n") else text + "\n"
    in_lines = re.search(rf"^{kind}:.*\n(?:( *)- .*\n)+", text, re.MULTILINE)
    if in_lines is not None:
        return text[: in_lines.end()] + in_lines[1] + item + text[in_lines.end() :]
    is_there = re.search(rf"^{kind}:", text, re.MULTILINE)
    return None if is_there else f"{text}{kind}:\n{item}"
