"""Moving here from another status page."""
