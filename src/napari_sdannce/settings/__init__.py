"""Settings of every job: pydantic models with units and limits, no logic."""
