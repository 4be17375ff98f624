"""The encrypted, deduplicated object store of one organization. Knows no vendor and no database.

Terms, bytes and ordering invariants are written down in docs/vault-format.md.
"""
