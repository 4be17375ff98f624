"""A tree is changed at random; after each read the committed state is the tree, whatever was done to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connectors.sdk.records import Service
from tests.contracts.committed import Committed, without_checkpoints
from tests.unit.connectors.archive.reading import rebuilt, stream, whole_tree

FOLDERS = ["", "a", "a/cur", "a/new", "a/tmp", "a b", "a-", "box.mbox", "cur", "a/deep/er"]
NAMES = [
    "a",
    "a.eml",
    "a-b",
    "in.mbox",
    "in.mbox-journal",
    "Inbox",
    "Inbox.txt",
    "1:2,S",
    "1:2,RS",
    "1",
    "cur",
    "\x1f.eml",
    "\udcff",
    "~",
]
MESSAGE = b"From %s@x Mon Feb  3 04:05:06 2020\n\nbody\n\n"
CONTENTS = [
    b"",
    b"text",
    b"longer text\n\nFrom nowhere\n",
    MESSAGE % b"a",
    MESSAGE % b"a" + MESSAGE % b"b",
    MESSAGE % b"b" + MESSAGE % b"a" + MESSAGE % b"a",
]
paths = st.builds(
    lambda folder, name: f"{folder}/{name}".strip("/"), st.sampled_from(FOLDERS), st.sampled_from(NAMES)
)


class ChangingTree(RuleBasedStateMachine):
    """The model is the disk itself; the connector's view of it is what is under test."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="backupd-walk-"))
        self.mail, self.drive = Committed(), Committed()
        self.interrupted = False

    def teardown(self) -> None:
        shutil.rmtree(os.fsencode(self.root))

    @rule(path=paths, content=st.sampled_from(CONTENTS))
    def write(self, path: str, content: bytes) -> None:
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            pass

    @rule(path=paths, content=st.sampled_from(CONTENTS))
    def append(self, path: str, content: bytes) -> None:
        if (self.root / path).is_file():
            with (self.root / path).open("ab") as file:
                file.write(content)

    @rule(path=st.one_of(paths, st.sampled_from(FOLDERS[1:])))
    def remove(self, path: str) -> None:
        if (self.root / path).is_dir():
            shutil.rmtree(self.root / path)
        else:
            (self.root / path).unlink(missing_ok=True)

    @rule(source=st.one_of(paths, st.sampled_from(FOLDERS[1:])), to=paths)
    def move(self, source: str, to: str) -> None:
        try:
            (self.root / source).rename(self.root / to)
        except OSError:
            pass

    @rule(folder=st.sampled_from(FOLDERS[1:]))
    def make_folder(self, folder: str) -> None:
        try:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            pass

    @rule(path=paths)
    def touch(self, path: str) -> None:
        if (self.root / path).is_file():
            os.utime(self.root / path, (1, 1))

    @rule(cursor=st.sampled_from([None, b"garbage", b""]))
    def forget_the_cursor(self, cursor: bytes | None) -> None:
        self.mail.cursor = self.drive.cursor = cursor

    @rule()
    def let_a_failure_be_pending(self) -> None:
        for state in (self.mail, self.drive):
            for item_id in sorted(state.items)[::2]:
                state.failures[item_id] = "unavailable"

    @invariant()
    def a_read_gives_the_tree(self) -> None:
        if not any(self.root.iterdir()):
            return  # an empty import folder is an error, and tested as such
        for state, service in ((self.mail, Service.MAIL), (self.drive, Service.DRIVE)):
            said = state.back_up(stream(self.root, service))
            ids = [getattr(change, "id", None) or change.item.id for change in without_checkpoints(said)]  # type: ignore[union-attr]
            assert len(set(ids)) == len(ids)
            assert without_checkpoints(state.back_up(stream(self.root, service))) == []
        assert rebuilt([self.mail, self.drive]) == whole_tree(self.root)
        assert not self.mail.failures and not self.drive.failures


TestChangingTree = ChangingTree.TestCase
TestChangingTree.settings = settings(settings.default, max_examples=60, stateful_step_count=25)
