"""How good a calibration is, as the panel's checks say it."""

from __future__ import annotations

from napari_sdannce.calibration.findings import Grade
from napari_sdannce.jobs.checks import Verdict

VERDICTS = {
    Grade.GOOD: Verdict.NOTE,
    Grade.USABLE: Verdict.CAREFUL,
    Grade.RECORD_AGAIN: Verdict.BAD,
}
