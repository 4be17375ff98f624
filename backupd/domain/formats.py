"""The formats an account can be exported in."""

from __future__ import annotations

import enum


class ExportFormat(enum.StrEnum):
    """`original`: the imported tree, byte for byte. `eml`: one file per message. `mbox`: one mbox per mail folder."""

    ORIGINAL = "original"
    EML = "eml"
    MBOX = "mbox"
