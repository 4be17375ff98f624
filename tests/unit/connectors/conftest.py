"""Real mail and documents, where they are at hand; never needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def real_folders() -> list[Path]:
    """Import folders of real data beside the repository; an empty list where there are none."""
    beside = Path(__file__).resolve().parents[4] / "shared"
    corpus = Path(os.environ.get("BACKUPD_SHARED_DIR", beside)) / "corpus"
    found = (corpus, corpus / "mail", *sorted((corpus / "mail").glob("*")))
    return [folder for folder in found if folder.is_dir()]
