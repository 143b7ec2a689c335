"""Reads damaged and changed checkpoints, in a process of its own with limited memory.

    python fuzz_checkpoints.py FOLDER SEED COUNT

Prints one line a checkpoint: ``read``, ``refused``, or what else happened.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_sdannce.models import (
    CheckpointError,
    CheckpointInfo,
    ComConfig,
    build_network,
    load_checkpoint,
    save_checkpoint,
)

EXTRA_BYTES = 1_500_000_000
ODD = (None, -1, 10**30, 1.5, "text", [], {}, torch.zeros(()), torch.zeros(3, 0, 2), np.ones(3))
ODD_JSON = (None, -1, 10**30, 1.5, "text", [], {}, [[]], True, 65, {"kind": "com"})


def limit_memory() -> None:
    """Allow this much more than what is mapped now; only where the system can."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return
    limit = pages * resource.getpagesize() + EXTRA_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The bytes cut off, with some changed, or with a piece left out; often near the start."""
    data = bytearray(content)
    at = rng.randrange(min(len(data), rng.choice([2000, len(data)])))
    kind = rng.choice(["cut", "flip", "flip", "drop", "zero"])
    if kind == "cut":
        return bytes(data[:at])
    if kind == "drop":
        del data[at : at + rng.randrange(1, 64)]
    for i in range(at, min(at + rng.choice([1, 2, 300]), len(data))):
        data[i] = 0 if kind == "zero" else rng.randrange(256)
    return bytes(data)


def changed(content: Any, rng: random.Random, odd: tuple[Any, ...]) -> Any:
    """The same nested dicts with one value replaced, removed or renamed."""
    content = copy.copy(content)
    key = rng.choice(sorted(content, key=str))
    if isinstance(content[key], dict) and content[key] and rng.random() < 0.8:
        content[key] = changed(content[key], rng, odd)
    elif rng.random() < 0.3:
        value = content.pop(key)
        if rng.random() < 0.5:
            content[rng.choice([7, "unknown"])] = value
    elif isinstance(content[key], torch.Tensor) and rng.random() < 0.5:
        tensor = content[key]
        content[key] = rng.choice([tensor[None], tensor.flatten(), tensor[:0], tensor.bool()])
    else:
        content[key] = rng.choice(odd)
    return content


def cases(folder: Path, rng: random.Random, count: int):
    """Write one file after the other."""
    network = build_network(ComConfig(in_channels=1, width=1), 0)
    params = {"camnames": np.array(["a"]), "mono": np.bool_(True), "chan_num": np.int64(1)}
    content = {"epoch": 7, "state_dict": dict(network.state_dict()), "params": params}
    ours = save_checkpoint(folder / "ours", network, CheckpointInfo(network=network.config))
    about = ours.with_suffix(".json")
    weights, text = ours.read_bytes(), about.read_bytes()
    for name, zipped in (("new.pth", True), ("old.pth", False)):
        path = folder / name
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        whole = path.read_bytes()
        for _ in range(count):
            path.write_bytes(damaged(whole, rng))
            yield path
        for _ in range(count):
            odd = changed(content, rng, ODD)
            torch.save(odd, path, _use_new_zipfile_serialization=zipped)
            yield path
    for _ in range(count):
        ours.write_bytes(damaged(weights, rng))
        about.write_bytes(text)
        yield ours
        ours.write_bytes(weights)
        about.write_bytes(damaged(text, rng))
        yield ours
        about.write_text(json.dumps(changed(json.loads(text), rng, ODD_JSON)), encoding="utf-8")
        yield ours


def main() -> None:
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("error")
    limit_memory()
    for path in cases(folder, random.Random(seed), count):
        try:
            load_checkpoint(path)
            sys.stdout.write("read\n")
        except CheckpointError as error:
            named = path.stem in str(error)
            sys.stdout.write("refused\n" if named else f"{path.name} is not named: {error}\n")
        except BaseException as error:  # noqa: BLE001 - this is what is looked for
            sys.stdout.write(
                f"{path.name} {type(error).__name__}: {error}\n".replace("\n", " ") + "\n"
            )


if __name__ == "__main__":
    main()
