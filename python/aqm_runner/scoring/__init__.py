"""What every engine's scoring shares: inputs, batches, the table of scores, gates, the document."""
