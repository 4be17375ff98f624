"""What a directory entry is, told by its name: decides which stream it belongs to.

Every entry belongs to exactly one stream. Only a file whose name tells nothing (no extension, or one that is
not of 1-5 letters and digits) is opened to see whether it is an mbox.
"""

from __future__ import annotations

import enum
import re

MAX_SNIFF_BYTES = 512
_FROM_LINE = re.compile(rb"From [^\r\n]*\b\d{1,2}:\d\d(?::\d\d)?\b[^\r\n]*\b(?:19|20)\d\d\b")


class Role(enum.IntEnum):
    """What a regular file of that name is."""

    EML = 1
    MBOX = 2
    MAYBE_MBOX = 3
    OTHER = 4


class Rule(enum.IntEnum):
    """Which files of a directory are Maildir messages."""

    NONE = 0
    FLAGGED = 1  # a lone `cur` or `new`: only names with flags are unmistakable
    ALL = 2  # `cur` and `new` of a Maildir: all but dot files


_BY_EXTENSION = {"eml": Role.EML, "mbox": Role.MBOX, "mbx": Role.MBOX}


def role(name: str) -> Role:
    """Return the role of a file outside the message folders of a Maildir."""
    stem, dot, extension = name.rpartition(".")
    known = _BY_EXTENSION.get(extension.lower()) if dot else None
    if known is not None:
        return known
    telling = dot and stem and len(extension) <= 5 and extension.isalnum() and not extension.isdigit()
    return Role.OTHER if telling else Role.MAYBE_MBOX


def is_message(name: str, rule: Rule) -> bool:
    """Tell whether a file is a Maildir message, in a folder of that rule."""
    if rule == Rule.NONE or name.startswith("."):
        return False
    return rule == Rule.ALL or ":2," in name


def is_maildir(folders: set[str]) -> bool:
    """Tell whether a directory with these subdirectories is a Maildir."""
    return "cur" in folders and ("new" in folders or "tmp" in folders)


def message_rule(folder: str, siblings: set[str]) -> Rule:
    """Return the rule of a subdirectory, given its and its siblings' names."""
    if folder not in ("cur", "new"):
        return Rule.NONE
    return Rule.ALL if is_maildir(siblings) else Rule.FLAGGED


def unique_part(name: str) -> str:
    """Return what of a Maildir file name stays when its flags change."""
    return name.partition(":2,")[0]


def looks_like_mbox(head: bytes) -> bool:
    """Tell whether a file begins with a plausible `From ` line (sender, time of day, year)."""
    return _FROM_LINE.match(head) is not None
