"""Kind -> connector: the one list. A new connector is one folder and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from connectors.sdk.contract import Connector
from connectors.sdk.errors import Permanent

_MODULES = {
    "archive": "connectors.archive.connector",
}


def connector(kind: str) -> Connector:
    """Return the connector of that kind (loaded on first use, so that start-up stays fast)."""
    try:
        module = _MODULES[kind]
    except KeyError:
        raise Permanent(
            f"There is no connector of the kind {kind!r}; known are: {', '.join(sorted(_MODULES))}."
        ) from None
    return cast(Connector, import_module(module).CONNECTOR)
