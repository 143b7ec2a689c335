"""The command line ``sdannce``. Options of jobs are made from the settings classes."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from napari_sdannce.cli.commands import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cli", "main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Input that can not be used gives one line and exit code 2."""
    try:
        cli.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except (ValueError, FileNotFoundError, FileExistsError, NotADirectoryError) as error:
        if _is_fault_of_program(error):
            raise
        click.echo(f"sdannce: {error}", err=True)
        sys.exit(2)


def _is_fault_of_program(error: BaseException) -> bool:
    """Whether an error comes from a library we called wrongly, and not from a check of ours."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(__file__).parent
    return isinstance(error, ValueError) and ours not in Path(last.filename).parents
