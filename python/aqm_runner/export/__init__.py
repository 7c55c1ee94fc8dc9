"""What an exported checkpoint must be, and whether it is that, whatever wrote it."""
