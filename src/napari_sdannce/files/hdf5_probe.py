"""Whether the HDF5 library survives a file.

On damaged bytes the library (2.0 and before) crashes or loops without end, about once in some
thousand files with a few bytes changed: no exception handler helps. So a file is first read in a
process of its own; this one reads it when that one came to its end. It costs a third of a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from .hdf5_trial import TOO_LARGE

_SECONDS = 10.0
_BYTES_A_SECOND = 20e6
_SCRIPT = Path(__file__).with_name("hdf5_trial.py")


class UnsafeHdf5Error(ValueError):
    """The HDF5 library cannot be let near this file; the message says why."""


def probe_hdf5(path: Path) -> None:
    """Read a file in a process of its own, once as long as it stays as it is.

    Where no process can be started, the file is taken on trust.

    Raises
    ------
    UnsafeHdf5Error
        When that process crashed, did not come to an end, or needed too much memory.
    """
    about = path.stat()
    unsafe = _trial(path.absolute(), about.st_size, about.st_mtime_ns)
    if unsafe:
        raise UnsafeHdf5Error(unsafe)


@lru_cache(maxsize=256)
def _trial(path: Path, size: int, _modified: int) -> str | None:
    """Why the library cannot be let near a file; None when it can."""
    # -P: the folder of the script is no place to import from
    command = [sys.executable, "-P", str(_SCRIPT), str(path)]
    limit = _SECONDS + size / _BYTES_A_SECOND
    try:
        done = subprocess.run(
            command,
            timeout=limit,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        return f"the HDF5 library did not finish it in {limit:.0f} s"
    except OSError:
        return None
    if done.returncode == TOO_LARGE:
        return "it claims more memory than there is"
    if done.returncode < 0 or done.returncode > 128:
        return "the HDF5 library crashes on it"
    return None
