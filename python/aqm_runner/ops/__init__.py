"""The operations that a request may name: one module an operation."""
