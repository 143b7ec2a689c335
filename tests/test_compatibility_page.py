"""The page on compatibility has a line for every known defect, and names tests that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

N_DEFECTS = 50


def lines(checkout: Path) -> list[list[str]]:
    text = (checkout / "docs" / "compatibility.md").read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(r"\| D\d+ ", line)
    ]


def test_every_defect_has_a_line(checkout):
    found = lines(checkout)
    assert [line[0] for line in found] == [f"D{i}" for i in range(1, N_DEFECTS + 1)]
    assert all(len(line) == 4 and all(line) for line in found)


def test_the_tests_it_names_are_there(checkout):
    missing = []
    for defect, _, _, shown_by in lines(checkout):
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", shown_by)
        assert named, defect
        for file, function in named:
            path = checkout / "tests" / file
            if not path.is_file() or f"def {function}(" not in path.read_text(encoding="utf-8"):
                missing.append(f"{defect}: {file}::{function}")
    assert not missing
