"""backupd: cloud-to-cloud backup into an encrypted, deduplicated vault, and back out exactly."""

__all__ = ["__version__"]

__version__ = "0.1.0"
