"""Plans written as checkpoints in the format compressed-tensors."""
