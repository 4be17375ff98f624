"""The parts of an export: names that are safe everywhere, and the targets it can write to."""
