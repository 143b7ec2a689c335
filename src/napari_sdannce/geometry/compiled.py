"""How this package compiles its inner loops.

Nothing is compiled at import: a function is at its first call, and kept on disk for the next
process. Array layouts and types are kept the same from call to call, since a function is compiled
anew for each.
What is kept does not notice a change in another file: touch the files that use what was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call; it then runs without the interpreter's lock."""
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:
        # neither the package's folder nor the user's can be written to, as in some containers
        return numba.njit(function, nogil=True, error_model="numpy")
