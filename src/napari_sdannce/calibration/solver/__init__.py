"""From sightings of a board to cameras, with honest error bars."""
