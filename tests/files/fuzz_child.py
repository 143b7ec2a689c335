"""Reads files for the fuzz tests: one job a line on stdin, its outcome on stdout.

Runs as a process of its own with limited memory, so that a crash or hang of a reader is an outcome
and not the end of the tests.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
import warnings

EXTRA_BYTES = 1_500_000_000


def limit_memory() -> None:
    """Allow this much more than what is mapped now; only where the system can."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return
    limit = pages * resource.getpagesize() + EXTRA_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def outcome_of(job: dict, documented: tuple[type[Exception], ...]) -> dict:
    module, name = job["reader"].split(":")
    reader = getattr(importlib.import_module(module), name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reader(job["path"], **job["options"])
    except documented as error:
        return {"outcome": "refused", "detail": str(error)[:500]}
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        frames = traceback.format_exc(limit=-6)
        return {"outcome": "other", "detail": f"{type(error).__name__}: {error}\n{frames}"[:4000]}
    return {"outcome": "read", "detail": ""}


def main() -> None:
    from napari_sdannce.files import FileFormatError

    # libraries write to stdout as they please: the answers have a channel of their own
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for module in sys.argv[1:]:
        importlib.import_module(module)
    limit_memory()
    for line in sys.stdin:
        outcome = outcome_of(json.loads(line), (FileFormatError, FileNotFoundError))
        answers.write(json.dumps(outcome) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
