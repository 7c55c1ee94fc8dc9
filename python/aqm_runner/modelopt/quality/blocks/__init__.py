"""Blocks of a model computed once for plans that begin alike."""
