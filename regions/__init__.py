"""The regions the service runs in: one TOML file each, read by :mod:`regions.loader`."""
