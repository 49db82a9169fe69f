"""One folder per kind of outside system, found by name."""
