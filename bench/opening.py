"""Opening one message: from its id to its exact bytes, in an opened vault that has read nothing yet."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path
from statistics import quantiles

from backupd.catalog import organizations
from backupd.cli.wiring import Workspace
from backupd.settings import load
from bench.corpora import SEED, Corpus
from bench.duel import NotTheSame, Say
from bench.results import OURS, Bar, Line
from bench.tools import Backupd

LIMIT_MS = 10.0


def opening(corpus: Corpus, scratch: Path, samples: int, say: Say) -> list[Line]:
    """Back the mail up, then open random messages; each with caches as they are right after the vault was opened."""
    say(f"opening one message: backing up {corpus.files:,} files")
    folder = scratch / "opening"
    folder.mkdir(parents=True)
    try:
        tool = Backupd()
        tool.begin(folder)
        tool.first(corpus.root)
        say(f"opening one message: {samples} times")
        workspace = Workspace.open(load(str(tool.home), {}))
        try:
            times = _times_ms(workspace, samples)
        finally:
            workspace.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    slow = quantiles(times, n=20)[-1]
    return [
        Line("one message", "open, median", "ms", {OURS: times}, Bar(LIMIT_MS)),
        Line("one message", "open, 95th percentile", "ms", {OURS: [slow]}, Bar(LIMIT_MS)),
    ]


def _times_ms(workspace: Workspace, samples: int) -> list[float]:
    with workspace.catalog.reading() as tx:
        (organization,) = organizations.every(tx)
    vault = workspace.vault(organization)
    messages = [
        (stream, version.id)
        for stream in vault.streams()
        for version in vault.view(stream).versions()
        if version.kind == "message"
    ]
    source = random.Random(SEED)
    times = []
    for stream, item_id in source.choices(messages, k=samples):
        workspace.forget_vault(organization.vault_id)
        vault = workspace.vault(organization)
        begin = time.perf_counter()
        version = vault.view(stream).get(item_id)
        if version is None or version.content is None:
            raise NotTheSame(f"{item_id} of {stream} is gone")
        size = sum(map(len, vault.read(version.content)))
        times.append((time.perf_counter() - begin) * 1000)
        if size != version.size:
            raise NotTheSame(f"{item_id} of {stream} has {size} bytes instead of {version.size}")
    return times
