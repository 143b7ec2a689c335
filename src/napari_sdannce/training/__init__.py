"""Training examples, losses and the loop."""
