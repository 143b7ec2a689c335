"""Groups of commands of which one may be left out."""

from __future__ import annotations

import click


class DefaultGroup(click.Group):
    """A group whose first word may be left out.

    Parameters
    ----------
    default
        The command that is meant then.
    """

    def __init__(self, *arguments: object, default: str = "", **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in front where it is left out."""
        names = (*self.commands, *ctx.help_option_names)
        if (not args and self.takes_nothing) or (args and args[0] not in names):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    @property
    def takes_nothing(self) -> bool:
        """Whether the command that is meant needs no arguments."""
        command = self.commands[self.default]
        return not any(param.required for param in command.params)
