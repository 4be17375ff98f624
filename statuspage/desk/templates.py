"""Prepared texts: a form begins from one, and keeps nothing of it but the words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from statuspage.desk.base import Bench
from statuspage.domain.statuses import ComponentStatus, Kind
from statuspage.domain.texts import clean
from statuspage.errors import Invalid, NotFound
from statuspage.store.base import new_id
from statuspage.store.incidents import Template


class TemplateDesk(Bench):
    """Keeps templates by key."""

    def save(
        self,
        key: str,
        kind: str,
        names: Mapping[str, str],
        bodies: Mapping[str, str],
        components: Mapping[str, ComponentStatus],
    ) -> Template:
        """Creates or replaces the template with this key."""
        key = clean(key, 60, single_line=True)
        if not key:
            raise Invalid("A template needs a key.", {"key": "must not be empty"})
        known = self.session.scalar(select(Template).where(Template.key == key))
        template = known or Template(id=new_id(), key=key)
        template.kind, template.names, template.bodies = Kind(kind), self.names(names), self.bodies(bodies)
        fields: dict[str, Any] = {"components": {name: str(status) for name, status in components.items()}}
        self.component_ids(components)
        template.fields, template.updated_at = fields, self.now
        if known is None:
            self.session.add(template)
        self.record("template.save", key)
        return template

    def delete(self, key: str) -> None:
        """Removes a template."""
        known = self.session.scalar(select(Template).where(Template.key == key))
        if known is None:
            raise NotFound(f"There is no template {key!r}.")
        self.session.delete(known)
        self.record("template.delete", key)
