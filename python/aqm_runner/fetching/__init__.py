"""Getting files from elsewhere."""
