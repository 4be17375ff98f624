"""What the tests of this folder are given."""

from tests.vault_model.fixtures import place

__all__ = ["place"]
