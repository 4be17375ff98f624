"""`python -m backupd.cli`: the same as the `backupd` script."""

from backupd.cli.main import main

main()
