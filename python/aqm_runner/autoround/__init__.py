"""AutoRound as an engine: scores of its AutoScheme, its own choice, its tuned checkpoints."""
