"""From a place's name to its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupd.errors import UsageError
from backupd.vault.stores.local import LocalStore
from backupd.vault.stores.opening import open_store


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_a_local_store(tmp_path: Path, kind: type) -> None:
    store = open_store(kind(tmp_path / "new" / "store"))
    assert isinstance(store, LocalStore)
    assert not (tmp_path / "new").exists()
    store.create("a", b"x")
    assert (tmp_path / "new/store/a").read_bytes() == b"x"


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store("~/store").create("a", b"x")
    assert (tmp_path / "store/a").exists()


@pytest.mark.parametrize("place", ["s3://bucket/prefix", "S3://bucket", "gs://bucket", "file:///tmp/x"])
def test_other_stores_are_refused_in_one_sentence(place: str) -> None:
    with pytest.raises(
        UsageError, match=f"^Stores at {place.split(':')[0].lower()}:// are not supported yet.$"
    ):
        open_store(place)


@pytest.mark.parametrize("place", ["", "  ", "a\0b"])
def test_no_place_is_refused(place: str) -> None:
    with pytest.raises(UsageError):
        open_store(place)
