"""The prediction store, traces of centres of mass, quality and exports."""
