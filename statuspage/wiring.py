"""Builds the parts of the processes that are not web: worker, sender, prober, and the desk of the CLI."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import boto3

import regions.loader
from statuspage.desk.fleet import Fleet
from statuspage.outbox.composing import Composer
from statuspage.outbox.dkim import Signer
from statuspage.outbox.posting import Poster
from statuspage.outbox.safe_http import SafePoster
from statuspage.outbox.sending import Drain
from statuspage.pages.kit import Kit
from statuspage.publishing.bucket import Bucket
from statuspage.publishing.copying import Target
from statuspage.publishing.folder import Folder
from statuspage.settings import Settings
from statuspage.store.database import Database
from statuspage.subscriptions.tokens import Links
from statuspage.view.values import IncidentView, PageView
from statuspage.web.publication import DatabaseHistory, Publication
from statuspage.web.wiring import Site, build_kit

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant; the one clock that production code is given."""
    return datetime.now(UTC)


def build_site(
    settings: Settings,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    recheck_s: float = 0.25,
    kit: Kit | None = None,
) -> Site:
    """Everything one process of one region shares. Raises when the region's file or the settings are wrong.

    A ``kit`` that was built before may be handed in; it must be of the same settings.
    """
    region = regions.loader.load(settings.region, settings.regions_folder)
    database = Database(settings.own_database_url)
    kit = kit or build_kit(settings)
    publication = Publication(database, region, kit, settings.base_url, clock, monotonic, recheck_s)
    links, fleet = Links(settings.secret, clock), Fleet(settings, kit.catalogs, clock)
    return Site(settings, region, database, kit, publication, links, fleet, clock)


def build_target(settings: Settings) -> Target:
    """Where copies are published to."""
    if settings.publish_to.startswith("s3://"):
        client = boto3.client("s3", endpoint_url=settings.s3_endpoint or None)
        return Bucket(client, settings.publish_to)
    return Folder(settings.published)


def build_drain(site: Site) -> Drain:
    """The sender."""
    settings = site.settings
    signer = None
    if settings.mail.dkim_key:
        domain = settings.mail.sender.rpartition("@")[2]
        signer = Signer.read(settings.mail.dkim_key, domain, settings.mail.dkim_selector)
    history = DatabaseHistory(site.database, site.region)

    def page() -> PageView:
        return site.publication.site().view

    def event(incident_id: str) -> IncidentView | None:
        known = next((one for one in page().events if one.id == incident_id), None)
        return known or history.event(incident_id)

    composer = Composer(settings, site.kit, site.links, signer, page, event)
    poster = Poster(settings.base_url, site.links, site.kit.catalogs.translate, page, event)
    return Drain(site.database, settings, composer, poster, SafePoster(settings.allow_networks), site.clock)
