"""The report of a calibration on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .report import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .report import CalibrationReport
    from .verdict import Verdict
    from .world import WorldFrame


def write_report(
    folder: Path,
    report: CalibrationReport,
    verdict: Verdict,
    *,
    frame: WorldFrame,
    extra: Mapping[str, object],
) -> tuple[Path, ...]:
    """Write the numbers, and what they mean."""
    content = as_json(report) | {
        "verdict": verdict.grade,
        "findings": [
            {"grade": each.grade, "text": each.text, "camera": each.camera}
            for each in verdict.findings
        ],
        **extra,
    }
    path = folder / "report.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return (path,)
