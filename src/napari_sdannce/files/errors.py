"""The one error of every reader of files."""

from __future__ import annotations

import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NPY_ERRORS = (
    OSError, ValueError, TypeError, KeyError, EOFError, SyntaxError, tokenize.TokenError,
    OverflowError, RecursionError, MemoryError,
)  # fmt: skip
"""What NumPy raises on a damaged ``.npy``: its header is Python source."""


class FileFormatError(ValueError):
    """A file is not what it was opened as, is damaged, or lacks what is needed.

    Besides it, readers raise only `FileNotFoundError`.

    Parameters
    ----------
    path
        The file.
    found
        What was found in it.
    expected
        What was expected instead.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(FileFormatError(Path("a.mat"), "found no 'params'", "camera parameters"))
    a.mat: found no 'params'; expected camera parameters
    """

    def __init__(self, path: Path, found: str, expected: str) -> None:
        super().__init__(f"{path}: {found}; expected {expected}")
        self.path = path
        self.found = found
        self.expected = expected

    def __reduce__(self) -> tuple[type[FileFormatError], tuple[Path, str, str]]:
        return FileFormatError, (self.path, self.found, self.expected)
