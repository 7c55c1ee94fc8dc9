"""What an exported checkpoint must be, and whether the files are that. It knows no writer."""
