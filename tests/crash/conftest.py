"""What the tests of this folder are given."""

from tests.vault_model.fixtures import counts, place, soak

__all__ = ["counts", "place", "soak"]
