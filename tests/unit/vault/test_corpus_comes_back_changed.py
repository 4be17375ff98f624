"""Real mail and documents, where a corpus lies beside the project: everything in, the same bytes out."""

from __future__ import annotations

import os
from pathlib import Path

from backupd.vault.mail import encode, split
from tests.vault_model.backing_up import STREAM
from tests.vault_model.items import SampleItem
from tests.vault_model.place import Place

BESIDE = Path(__file__).resolve().parents[4] / "shared"
CORPUS = Path(os.environ.get("BACKUPD_SHARED_DIR", BESIDE)) / "corpus"


def files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file()) if CORPUS.is_dir() else []


def test_everything(place: Place) -> None:
    paths = files()
    vault = place.create()
    running = vault.slice(STREAM, "run")
    for path in paths:
        kind = "message" if "mail" in path.relative_to(CORPUS).parts[0] else "file"
        with path.open("rb") as file:
            running.upsert(SampleItem(str(path.relative_to(CORPUS)), kind), file)
    running.commit(b"", complete=True, as_of_ms=1)
    read = split_parts = 0
    for version in place.open(cache="another machine").view(STREAM).versions():
        assert version.content is not None
        assert b"".join(vault.read(version.content)) == (CORPUS / version.id).read_bytes(), version.id
        read += 1
        split_parts += len(version.content.parts)
    assert read == len(paths)
    print(f"{read} files came back, {split_parts} parts of mail were taken out")


def test_documents_as_mail() -> None:
    """Whatever lies there, taken for mail."""
    for path in files():
        data = path.read_bytes()
        skeleton, parts = split(data)
        position, pieces = 0, []
        for part in parts:
            pieces += [skeleton[position : part.offset], encode(part.data, part.line_length, part.eol)]
            position = part.offset
        assert b"".join([*pieces, skeleton[position:]]) == data
