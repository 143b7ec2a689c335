"""What a check before a job found: a line each, green, amber or red."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from napari_sdannce.jobs.checks import Check, Verdict
from napari_sdannce.widgets.breakable import SelectableLabel, breakable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

_GREEN, _AMBER, _RED, _GREY = "#6fcf6f", "#ffc14d", "#ff7b6b", "#9a9a9a"
_SIGNS = {
    Verdict.BAD: ("✗", _RED),
    Verdict.CAREFUL: ("!", _AMBER),
    Verdict.NOTE: ("•", _GREY),
    Verdict.GOOD: ("✓", _GREEN),
}
_ORDER = list(_SIGNS)
_WORDS = {Verdict.BAD: "to be mended", Verdict.CAREFUL: "worth a look"}


class CheckLines(SelectableLabel):
    """Lines of a check, the worst first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.checks: tuple[Check, ...] = ()

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Replace the lines; what is said twice is shown once."""
        # two animals of one recording are two experiments, of which much the same is said
        once = dict.fromkeys(checks)
        self.checks = tuple(sorted(once, key=lambda check: _ORDER.index(check.verdict)))
        self.setText(f"<table>{''.join(map(_row, self.checks))}</table>")

    def say(self, text: str) -> None:
        """Show one plain line instead."""
        self.checks = ()
        self.setText(escape(text))

    def in_short(self) -> str:
        """How many lines want a look; empty where none does."""
        counts = Counter(check.verdict for check in self.checks)
        parts = [
            f'<span style="color: {_SIGNS[verdict][1]}">{counts[verdict]} {words}</span>'
            for verdict, words in _WORDS.items()
            if counts[verdict]
        ]
        return f"Above: {', '.join(parts)}" if parts else ""

    @property
    def is_bad(self) -> bool:
        """Whether something is to be mended first."""
        return any(check.verdict is Verdict.BAD for check in self.checks)


def _row(check: Check) -> str:
    sign, color = _SIGNS[check.verdict]
    text = escape(breakable(check.text))
    if check.verdict is not Verdict.GOOD:
        text = f'<span style="color: {color}">{text}</span>'
    mark = f'<b style="color: {color}">{sign}</b>'
    return f'<tr><td style="padding-right: 8px">{mark}</td><td>{text}</td></tr>'
