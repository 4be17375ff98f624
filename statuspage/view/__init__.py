"""One consistent reading of the database as plain values, from which every public document is made."""
