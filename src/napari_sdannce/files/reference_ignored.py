"""What of a configuration of the reference program is not followed, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that nothing here follows, or that is followed in another way than by the reference."""

    key: str
    value: object
    reason: str
    path: Path
    in_part: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.note}"

    @property
    def note(self) -> str:
        """What is told of it where the file is known."""
        return _sentence((self,))


def told(ignored: Iterable[Ignored]) -> Iterator[str]:
    """One sentence for all keys of a file that have the same reason."""
    alike: dict[tuple[Path, str, bool], list[Ignored]] = {}
    for each in ignored:
        alike.setdefault((each.path, each.reason, each.in_part), []).append(each)
    for (path, _, _), keys in alike.items():
        yield f"{path}: {_sentence(keys)}"


def _sentence(alike: Sequence[Ignored]) -> str:
    first = alike[0]
    keys = ", ".join(f"'{each.key}'" for each in alike)
    how = "followed in another way" if first.in_part else "ignored"
    return f"{keys} {'is' if len(alike) == 1 else 'are'} {how}: {first.reason}"
