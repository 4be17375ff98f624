"""An organization's keys: in memory, wrapped beside its vault, in escrow, rotated, recovered and destroyed.

docs/keys.md tells a person what exists and what to do with it.
"""
