"""The engine weight_error: scores from weights and the size of their inputs, in plain PyTorch."""
