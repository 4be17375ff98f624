"""Keeps one reading of the page and the documents made of it, for as long as the data they depend on holds."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from regions.loader import Region
from statuspage.errors import DatabaseLost
from statuspage.pages.kit import Kit
from statuspage.pages.site import Document, PublicSite
from statuspage.store.database import Database
from statuspage.store.incidents import Incident
from statuspage.store.measurements import RuleState
from statuspage.view.reading import month_events, page_key, read_events, read_page, read_titles
from statuspage.view.values import IncidentView, PageKey, Title

Clock = Callable[[], datetime]
LARGEST_CACHE = 4_096
GZIP_FROM_BYTES = 700


@dataclass(frozen=True, slots=True)
class Copies:
    """A document ready to be sent, plain and compressed."""

    document: Document
    packed: bytes | None


class DatabaseHistory:
    """The history a :class:`PublicSite` asks for, read when it is asked."""

    def __init__(self, database: Database, region: Region) -> None:
        self._database, self._region = database, region

    def months(self, month: date, months: int) -> tuple[IncidentView, ...]:
        """Events of some months."""
        with self._database.read() as session:
            return month_events(session, self._region, month, months)

    def titles(self) -> tuple[Title, ...]:
        """All published events, without their updates."""
        with self._database.read() as session:
            return read_titles(session)

    def event(self, incident_id: str) -> IncidentView | None:
        """One published event."""
        with self._database.read() as session:
            found = read_events(session, Incident.id == incident_id)
        return found[0] if found else None


class Publication:
    """The current documents. Whether the data changed is asked at most every ``recheck_s``; a change empties the cache.

    A change made through this process shows at once (:meth:`refresh`); one made elsewhere within ``recheck_s``. When
    the database is lost, the last reading goes on being served.
    """

    def __init__(
        self,
        database: Database,
        region: Region,
        kit: Kit,
        url: str,
        clock: Clock,
        monotonic: Callable[[], float],
        recheck_s: float = 0.25,
    ) -> None:
        self._database, self._region, self._kit, self._url = database, region, kit, url
        self._clock, self._monotonic, self._recheck_s = clock, monotonic, recheck_s
        self._lock = threading.Lock()
        self._site: PublicSite | None = None
        self._copies: OrderedDict[tuple[str, str, str], Copies | None] = OrderedDict()
        self._checked = float("-inf")
        self.proofs: dict[str, datetime | None] = {}
        self.lost = False

    def refresh(self) -> None:
        """Looks at the data at the next request, however recently it was looked at."""
        self._checked = float("-inf")

    def known(self, path: str, language: str, prefix: str) -> Copies | None:
        """The document if it was made before and still holds; never touches the database between rechecks."""
        if self._monotonic() - self._checked > self._recheck_s:
            self._recheck()
        return self._copies.get((path, language, prefix))

    def copies(self, path: str, language: str, prefix: str) -> Copies | None:
        """The document at a path, made now if need be; None where there is none."""
        found = self.known(path, language, prefix)
        if found is not None:
            return found
        site = self.site()
        document = site.document(path, language, prefix)
        if document is None:
            return None
        packed = gzip.compress(document.body, 6, mtime=0) if len(document.body) >= GZIP_FROM_BYTES else None
        made = Copies(document, packed)
        with self._lock:
            if self._site is site:
                self._copies[path, language, prefix] = made
                if len(self._copies) > LARGEST_CACHE:
                    self._copies.popitem(last=False)
        return made

    def site(self) -> PublicSite:
        """The site of the current reading."""
        if self._monotonic() - self._checked > self._recheck_s or self._site is None:
            self._recheck()
        if self._site is None:
            raise DatabaseLost("The database cannot be read, and nothing was read before.")
        return self._site

    def _recheck(self) -> None:
        with self._lock:
            if self._monotonic() - self._checked <= self._recheck_s and self._site is not None:
                return
            try:
                now = self._clock()
                with self._database.read() as session:
                    key = page_key(session, self._region, now)
                    self.proofs = dict(
                        session.execute(select(RuleState.component_key, RuleState.proven_at)).tuples().all()
                    )
                    if self._site is None or self._site.view.key != key:
                        self._replace(
                            PublicSite(
                                read_page(session, self._region, self._url, now),
                                DatabaseHistory(self._database, self._region),
                                self._kit,
                            )
                        )
                self.lost = False
            except DatabaseLost:
                self.lost = True
            self._checked = self._monotonic()

    def _replace(self, site: PublicSite) -> None:
        self._site = site
        self._copies.clear()

    @property
    def key(self) -> PageKey:
        """What the current documents depend on."""
        return self.site().view.key
