"""The GPUs of this machine, as their driver tells of them: nothing heavy is loaded to ask."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

TOOL = "nvidia-smi"
_PATIENCE_S = 5


@cache
def cuda_devices() -> tuple[str, ...]:
    """Names of the CUDA devices: ``cuda:0``, ``cuda:1`` ...; none where there is no driver."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:  # torch counts only these, from 0
        there = [each for each in chosen.split(",") if each.strip() not in ("", "-1")]
        return tuple(f"cuda:{number}" for number in range(len(there)))
    listed = _told("-L") or ""
    gpus = [line for line in listed.splitlines() if line.startswith("GPU ")]
    return tuple(f"cuda:{number}" for number in range(len(gpus)))


def free_gpu_memory(device: str) -> float | None:
    """Free memory of a CUDA device, bytes; None where the driver knows of none."""
    number = device.partition(":")[2] or "0"
    said = _told("-i", number, "--query-gpu=memory.free", "--format=csv,noheader,nounits")
    return float(said) * 2**20 if said is not None and said.isdecimal() else None


def _told(*options: str) -> str | None:
    tool = shutil.which(TOOL)
    if tool is None:
        return None
    try:
        told = subprocess.run(
            [tool, *options], capture_output=True, check=False, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError):
        return None  # a broken driver: there is no GPU to speak of
    return told.stdout.decode(errors="replace").strip()
