"""A small model that learns to describe scenes: lessons, training, exam."""
