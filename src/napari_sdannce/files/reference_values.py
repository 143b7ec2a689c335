"""Values as people write them in configurations of the reference program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .yaml_file import portable_path


def none_text(value: Any) -> Any:
    """YAML has ``null``; the reference's files write the text None."""
    return None if isinstance(value, str) and value.strip() in ("None", "none", "") else value


def path_text(value: Any) -> Any:
    """Path with forward slashes; None for the text None."""
    return portable_path(none_text(value))


def no_list(value: Any) -> Any:
    """Nothing for a list that is not there."""
    return () if none_text(value) is None else value


NoneText = BeforeValidator(none_text)
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
PathText = Annotated[Path | None, BeforeValidator(path_text)]
Range = Annotated[tuple[int, int] | None, NoneText]
