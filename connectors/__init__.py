"""Everything that speaks to a source of data. Imports nothing of the service itself."""
