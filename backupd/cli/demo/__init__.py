"""The demonstration: a made-up company, its disaster, and its way back. Uses the public command line only."""
