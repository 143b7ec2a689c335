"""Whether the HDF5 library survives a file.

On damaged bytes the library (2.0 and before) crashes or loops without end, about once in some
thousand files with a few bytes changed: no exception handler helps. So a file is first read in a
process of its own; this one reads it when that one came to its end. It costs a third of a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .hdf5_trial import TOO_LARGE

_SECONDS = 10.0
_BYTES_A_SECOND = 20e6
_SCRIPT = Path(__file__).with_name("hdf5_trial.py")


class UnsafeHdf5Error(ValueError):
    """The HDF5 library cannot be let near this file; the message says why."""


def probe_hdf5(path: Path) -> None:
    """Read a file in a process of its own.

    Where no process can be started, the file is taken on trust.

    Raises
    ------
    UnsafeHdf5Error
        When that process crashed, did not come to an end, or needed too much memory.
    """
    # -P: the folder of the script is no place to import from
    command = [sys.executable, "-P", str(_SCRIPT), str(path.absolute())]
    limit = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
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
    except subprocess.TimeoutExpired as error:
        raise UnsafeHdf5Error(f"the HDF5 library did not finish it in {limit:.0f} s") from error
    except OSError:
        return
    if done.returncode == TOO_LARGE:
        raise UnsafeHdf5Error("it claims more memory than there is")
    if done.returncode < 0 or done.returncode > 128:
        raise UnsafeHdf5Error("the HDF5 library crashes on it")
