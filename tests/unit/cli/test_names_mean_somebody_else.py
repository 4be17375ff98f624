"""A name must mean one account; what could be two is refused, never guessed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.catalog import accounts, connections, organizations, streams
from backupd.catalog.database import Catalog
from backupd.cli.naming import choose_organizations, choose_streams, one_organization
from backupd.errors import NotFound, UsageError

PEOPLE = {"org-1": ["ana", "anabel", "bob", "team/mail"], "org-2": ["bob", "Carl"]}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(tmp_path / "catalog.sqlite")
    with opened.writing() as tx:
        for number, (organization, people) in enumerate(PEOPLE.items()):
            name = ("Harbour", "Hill")[number]
            organizations.add(tx, organizations.Organization(organization, name, str(number), "forever", 1))
            connection = f"con-{number}"
            connections.add(
                tx, connections.SourceConnection(connection, organization, "archive", "/x", {}, 1)
            )
            for person in people:
                account = f"acc-{number}-{person}"
                accounts.add(tx, accounts.Account(account, connection, person, person, "folder", 1))
                for service in ("mail", "drive"):
                    streams.add(tx, streams.Stream(f"{connection}/{person}/{service}", account, service))
    yield opened
    opened.close()


def chosen(catalog: Catalog, *names: str, organization: str | None = None) -> list[str]:
    return [meant.stream.name for meant in choose_streams(catalog, names, organization)]


def test_no_name_means_everybody(catalog: Catalog) -> None:
    assert len(chosen(catalog)) == 12
    assert len(chosen(catalog, organization="Hill")) == 4


def test_an_exact_name_beats_a_longer_one(catalog: Catalog) -> None:
    assert chosen(catalog, "ana") == ["con-0/ana/drive", "con-0/ana/mail"]


def test_a_prefix_names_one_account_whatever_its_case(catalog: Catalog) -> None:
    assert chosen(catalog, "ANAB/mail") == ["con-0/anabel/mail"]
    assert chosen(catalog, "carl/drive") == ["con-1/Carl/drive"]


def test_an_id_names_one_account(catalog: Catalog) -> None:
    assert chosen(catalog, "acc-1-bob/mail") == ["con-1/bob/mail"]


def test_two_of_a_name_are_refused_until_the_organization_is_said(catalog: Catalog) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(catalog, "bob")
    assert "acc-0-bob" in caught.value.message and "Hill" in caught.value.message
    assert chosen(catalog, "bob/mail", organization="Hill") == ["con-1/bob/mail"]


def test_a_prefix_of_two_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UsageError):
        chosen(catalog, "an")


def test_a_name_with_a_slash_is_tried_whole_first(catalog: Catalog) -> None:
    assert chosen(catalog, "team/mail") == ["con-0/team/mail/drive", "con-0/team/mail/mail"]
    assert chosen(catalog, "team/mail/drive") == ["con-0/team/mail/drive"]


def test_unknown_names_and_streams_are_said(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        chosen(catalog, "zoe")
    with pytest.raises(NotFound) as caught:
        chosen(catalog, "ana/calendar")
    assert "mail" in caught.value.hint
    with pytest.raises(NotFound):
        chosen(catalog, "")


def test_naming_it_twice_means_it_once(catalog: Catalog) -> None:
    assert chosen(catalog, "ana/mail", "ana") == ["con-0/ana/mail", "con-0/ana/drive"]


def test_organizations_are_chosen_alike(catalog: Catalog) -> None:
    assert [one.name for one in choose_organizations(catalog, "har")] == ["Harbour"]
    with pytest.raises(UsageError):
        choose_organizations(catalog, "H")
    with pytest.raises(UsageError):
        one_organization(catalog, None)
    with pytest.raises(NotFound):
        choose_organizations(catalog, "Valley")
