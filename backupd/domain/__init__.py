"""Plain values and rules of the service. No input or output happens here."""
