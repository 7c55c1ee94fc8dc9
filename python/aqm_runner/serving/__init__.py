"""What a server says of an exported folder: vLLM itself, asked level by level."""
