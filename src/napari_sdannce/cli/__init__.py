"""The command line ``sdannce``. Options of jobs are made from the settings classes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from napari_sdannce.cli.commands import cli
from napari_sdannce.cli.errors import in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cli", "main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Input that can not be used gives one line and exit code 2."""
    try:
        given = None if arguments is None else list(arguments)
        code = cli.main(args=given, prog_name="sdannce", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "sdannce"
        click.echo(f"sdannce: {error.format_message().rstrip('.')} (see {where} --help)", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except (ValueError, OSError, ImportError, RuntimeError, MemoryError) as error:
        line = in_one_line(error)
        if line is None:
            raise
        click.echo(f"sdannce: {line}", err=True)
        sys.exit(2)
    if isinstance(code, int) and code:
        sys.exit(code)
