"""What the operations on vision-language models share."""
