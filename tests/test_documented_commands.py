"""Commands that the documentation shows: their names and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from napari_sdannce.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:bash|sh|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Each ``sdannce ...`` of a page's blocks of code, as words without comments."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    own = [line for line in lines if line.startswith(("sdannce ", "$ sdannce "))]
    return [shlex.split(line.removeprefix("$ "), comments=True)[1:] for line in own]


def parse(words: list[str]) -> None:
    """Read a command line as the program would, without doing it."""
    command: click.Command = cli
    context: click.Context | None = None
    while isinstance(command, click.Group):
        context = command.make_context(command.name or "", list(words), parent=context)
        _, found, words = command.resolve_command(context, context._protected_args + context.args)
        assert found is not None
        command = found
    command.make_context(command.name or "", list(words), parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_can_be_given(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "EXPERIMENT").mkdir()
    monkeypatch.chdir(tmp_path)
    for words in commands(page):
        if {"--help", "--version"} & set(words):
            continue
        try:
            parse(words)
        except click.UsageError as error:
            pytest.fail(f"{page.name}: sdannce {shlex.join(words)}: {error.format_message()}")


def test_commands_are_found() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 15
    with pytest.raises(click.UsageError, match="No such option"):
        parse(["train", "com", "EXPERIMENT", "--no-such-thing"])
