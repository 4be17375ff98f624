"""Documents point at files that exist, and every decision names what was rejected."""

from __future__ import annotations

import re

from tests.architecture.tree import ROOT, files

LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def markdown() -> list[str]:
    return [name for name in files() if name.endswith(".md")]


def test_relative_links_resolve() -> None:
    broken = [
        f"{name}: {target}"
        for name in markdown()
        for target in LINK.findall((ROOT / name).read_text(encoding="utf-8"))
        if "://" not in target
        and not target.startswith("mailto:")
        and not ((ROOT / name).parent / target).exists()
    ]
    assert not broken


def test_decisions_are_numbered_once_and_say_what_was_rejected() -> None:
    decisions = [name for name in markdown() if name.startswith("docs/decisions/")]
    numbers = [name.removeprefix("docs/decisions/")[:4] for name in decisions]
    assert decisions
    assert all(number.isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers)
    assert not [
        name for name in decisions if not re.search(r"(?i)reject", (ROOT / name).read_text(encoding="utf-8"))
    ]
