"""The engine Intel Neural Compressor: sensitivity of ops, and models in its own form."""
