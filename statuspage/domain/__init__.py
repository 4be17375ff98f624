"""Values and rules of the status sites. No input, no output, no clock of its own."""
