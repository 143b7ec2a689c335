"""Running networks over recordings."""
