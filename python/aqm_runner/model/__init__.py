"""What is loaded and what goes through it: checkpoints, batches, losses."""
