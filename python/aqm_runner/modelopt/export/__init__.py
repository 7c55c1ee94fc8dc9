"""Plans written as ModelOpt's unified checkpoints."""
