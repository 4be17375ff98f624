"""Sending what is due: at least once, the same Message-ID every time, bounded per domain."""
