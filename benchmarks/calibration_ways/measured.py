"""Run a command and write what it took: ``measured.py OUT.json COMMAND ...``.

A small process starts it, because a child of a large one begins with that one's peak of memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    rc = subprocess.run(sys.argv[2:], check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    spent = {"cpu_s": used.ru_utime + used.ru_stime, "peak_mib": peak}
    Path(sys.argv[1]).write_text(json.dumps(spent))
    sys.exit(rc)
