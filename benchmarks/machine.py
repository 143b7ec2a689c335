"""The machine and the versions a benchmark ran with: printed above every table."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path


def print_machine(*packages: str) -> None:
    """Print processor, cores, system and load; versions of Python and packages; the command."""
    print(
        f"{processor()}, {cores()} cores, {platform.system()} {platform.machine()}, load {load()}"
    )
    versions = [f"{package} {version(package)}" for package in ("napari-sdannce", *packages)]
    print(f"Python {platform.python_version()}, {', '.join(versions)}")
    print(f"python {shlex.join(sys.argv)}\n", flush=True)


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> str:
    """Mean number of busy processes in the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
