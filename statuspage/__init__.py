"""The regional status sites. They stand alone: of this project they import :mod:`regions` and nothing else."""
