"""How far a changed model is from the unquantized one, on held-out data."""
