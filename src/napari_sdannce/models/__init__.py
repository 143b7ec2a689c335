"""Networks, heatmaps and checkpoints."""
