"""``backupd-status``: everything an operator does without a browser.

Exit codes: 0 done, 1 refused, 2 wrong usage, 3 done in part (some regions failed).
"""

from statuspage.cli.main import main

__all__ = ["main"]
