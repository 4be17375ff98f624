"""The connector contract over every kind of thing an import folder may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sdk.records import Service
from tests.contracts.connector_suite import ConnectorSuite, World
from tests.unit.connectors.archive.worlds import ArchiveWorld


class TestEmlFiles(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return ArchiveWorld(tmp_path, Service.MAIL, "eml")


class TestMaildir(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return ArchiveWorld(tmp_path, Service.MAIL, "maildir")


class TestMbox(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return ArchiveWorld(tmp_path, Service.MAIL, "mbox")


class TestMboxWithoutExtension(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return ArchiveWorld(tmp_path, Service.MAIL, "crlf")


class TestMixedMail(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return ArchiveWorld(tmp_path, Service.MAIL, "eml maildir mbox crlf")


class TestFiles(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return ArchiveWorld(tmp_path, Service.DRIVE, "bin")
