"""A plan found by measuring: which plans to measure, and which of them to keep."""
