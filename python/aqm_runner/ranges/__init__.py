"""Ranges of layers' inputs, found by plain PyTorch."""
