"""Reads the operators' forms into commands. Times in forms are the region's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from werkzeug.datastructures import MultiDict

from regions.loader import Region
from statuspage.desk.commands import NewIncident, NewMaintenance, NewUpdate
from statuspage.domain.statuses import ComponentStatus, Impact, IncidentStatus
from statuspage.errors import Invalid

Form = MultiDict[str, str]


def texts(form: Form, field: str, region: Region) -> dict[str, str]:
    """A text in the region's languages, from fields such as ``name.en``; empty ones left out."""
    found = {language: form.get(f"{field}.{language}", "").strip() for language in region.languages}
    return {language: text for language, text in found.items() if text}


def statuses(form: Form) -> dict[str, ComponentStatus]:
    """Component statuses from fields such as ``status.backups``; "unchanged" ones left out."""
    try:
        return {
            name.removeprefix("status."): ComponentStatus(value)
            for name, value in form.items()
            if name.startswith("status.") and value
        }
    except ValueError as error:
        raise Invalid(f"The form names an unknown state: {error}") from None


def instant(text: str, region: Region, field: str) -> datetime:
    """A ``datetime-local`` value in the region's zone, as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a date and time.", {field: "is not a date and time"}) from None
    return (found if found.tzinfo else found.replace(tzinfo=region.zone)).astimezone(UTC)


def incident(form: Form, region: Region) -> NewIncident:
    """The form of a new incident."""
    try:
        impact = Impact(form["impact"]) if form.get("impact") else None
        status = IncidentStatus(form.get("status", "investigating"))
    except ValueError as error:
        raise Invalid(f"The form names an unknown state: {error}") from None
    return NewIncident(
        names=texts(form, "name", region),
        bodies=texts(form, "body", region),
        components=statuses(form),
        status=status,
        impact=impact,
        page_wide="page_wide" in form,
        deliver="deliver" in form,
        draft="draft" in form,
        started_at=instant(form["started_at"], region, "started_at") if form.get("started_at") else None,
        action_id=action_id(form),
    )


def maintenance(form: Form, region: Region) -> NewMaintenance:
    """The form of a new maintenance."""
    return NewMaintenance(
        names=texts(form, "name", region),
        bodies=texts(form, "body", region),
        components=tuple(form.getlist("components")),
        page_wide="page_wide" in form,
        deliver="deliver" in form,
        scheduled_for=instant(form.get("scheduled_for", ""), region, "scheduled_for"),
        scheduled_until=instant(form.get("scheduled_until", ""), region, "scheduled_until"),
        auto_start="auto_start" in form,
        auto_end="auto_end" in form,
        action_id=action_id(form),
    )


def update(form: Form, region: Region) -> NewUpdate:
    """The form of an update."""
    return NewUpdate(
        status=form.get("status", ""),
        bodies=texts(form, "body", region),
        components=statuses(form),
        deliver="deliver" in form,
        version=version(form),
        action_id=action_id(form),
    )


def version(form: Mapping[str, str]) -> int:
    """The revision the editor saw; a form without it cannot be checked and is refused."""
    try:
        return int(form.get("version", ""))
    except ValueError:
        raise Invalid("The form is incomplete; open the page again.") from None


def action_id(form: Mapping[str, str]) -> str:
    """The form's own id: sent twice, it counts once."""
    return form.get("action_id", "")[:64] or fresh_action_id()


def fresh_action_id() -> str:
    """An id for a form that is about to be shown."""
    return secrets.token_hex(16)
