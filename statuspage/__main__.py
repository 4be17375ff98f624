"""``python -m statuspage`` is ``backupd-status``."""

from statuspage.cli import main

main()
