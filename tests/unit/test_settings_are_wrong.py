"""A wrong setting must be named at the start, not found out at three in the morning."""

from pathlib import Path

import pytest

from backupd.errors import UsageError
from backupd.settings import Settings
from backupd.settings import load as load_settings


def load(environment: dict[str, str], home: str | None = None) -> Settings:
    return load_settings(home, environment)


def test_the_command_line_wins_over_the_environment() -> None:
    assert load({"BACKUPD_HOME": "/a"}, "/b").home == Path("/b")
    assert load({"BACKUPD_HOME": "/a"}).home == Path("/a")


def test_the_default_is_the_data_folder_of_the_user() -> None:
    assert load({"HOME": "/u"}).home == Path("/u/.local/share/backupd")
    assert load({"HOME": "/u", "XDG_DATA_HOME": "/d"}).home == Path("/d/backupd")
    assert load({"HOME": "/u", "XDG_DATA_HOME": "relative"}).home == Path("/u/.local/share/backupd")


def test_key_and_vaults_may_live_elsewhere() -> None:
    settings = load({"BACKUPD_HOME": "/a", "BACKUPD_MASTER_KEY": "/k/key", "BACKUPD_VAULTS": "/v"})
    assert (settings.master_key, settings.vaults) == (Path("/k/key"), Path("/v"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKUPD_SLICE_SECONDS", "0"),
        ("BACKUPD_SLICE_SECONDS", "301"),
        ("BACKUPD_SLICE_SECONDS", "a minute"),
        ("BACKUPD_SLICE_ENTRIES", "-1"),
        ("BACKUPD_SLICE_ENTRIES", "1.5"),
        ("BACKUPD_DEBUG", "maybe"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load({"HOME": "/u", name: value})
    assert name in caught.value.message and value in caught.value.message
