"""Asking for help loads no database, no cloud client and no web framework: it has to answer at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "alembic",
    "apscheduler",
    "boto3",
    "botocore",
    "cryptography",
    "feedgen",
    "flask",
    "googleapiclient",
    "httpx",
    "jinja2",
    "msal",
    "sqlalchemy",
}

PROGRAM = """
import json, sys
sys.argv = ["backupd", *sys.argv[1:]]
from backupd.cli.main import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True, text=True
    )
    loaded = {name.split(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}
    assert "backupd" in loaded
    assert done.stdout.strip()
    assert not HEAVY & loaded
