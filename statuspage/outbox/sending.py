"""Drains the outbox: a few SMTP connections, a few posting threads, each delivery marked as soon as it was taken."""

from __future__ import annotations

import logging
import queue
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import httpx

from statuspage.errors import Invalid, StatusError, UnsafeAddress
from statuspage.outbox import claims
from statuspage.outbox.claims import Claimed
from statuspage.outbox.composing import Composer
from statuspage.outbox.limits import DomainLimits
from statuspage.outbox.posting import Poster
from statuspage.outbox.safe_http import SafePoster
from statuspage.settings import Mail, Settings
from statuspage.store.database import Database
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions.desk import SubscriptionDesk

log = logging.getLogger(__name__)
BATCH, POSTING_THREADS, GONE = 200, 8, 410
POSTED = ("webhook", "slack", "teams")


class Drain:
    """Sends what is due. One batch is claimed, shared among threads, and finished before the next is claimed.

    A delivery is marked sent in its own transaction right after the other side took it, before its thread touches the
    next one: a kill therefore repeats at most the transactions that were open, under the same Message-ID.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        composer: Composer,
        poster: Poster,
        http: SafePoster,
        clock: Callable[[], datetime],
        connect: Callable[[Mail], smtplib.SMTP] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._composer, self._poster, self._http = composer, poster, http
        self._connect = connect or open_smtp
        self._limits = DomainLimits(settings.mail.per_domain_per_s, monotonic)
        self._connections: queue.SimpleQueue[smtplib.SMTP] = queue.SimpleQueue()

    def mail_batch(self, stop: threading.Event) -> int:
        """Sends one batch of mails; how many deliveries were taken in hand."""
        if not self._settings.mail.host:
            return 0
        now = self._clock()
        with self._database.write() as session:
            batch = claims.claim(session, ("email",), now, BATCH, self._limits.exhausted())
            ready, over = self._limits.split(batch)
            if over:
                claims.put_back(session, [one.id for one in over], over[0].claim, now + timedelta(seconds=1))
        self._share(ready, self._mail_worker, self._settings.mail.connections, stop)
        return len(ready)

    def post_batch(self, stop: threading.Event) -> int:
        """Posts one batch to webhooks, Slack and Teams; how many deliveries were taken in hand."""
        with self._database.write() as session:
            batch = claims.claim(session, POSTED, self._clock(), POSTING_THREADS * 4)
        self._share(batch, self._post_worker, POSTING_THREADS, stop)
        return len(batch)

    def close(self) -> None:
        """Says goodbye on every connection."""
        while True:
            try:
                _quit(self._connections.get_nowait())
            except queue.Empty:
                break
        self._http.close()

    def _share(
        self,
        batch: Sequence[Claimed],
        worker: Callable[[queue.SimpleQueue[Claimed]], None],
        threads: int,
        stop: threading.Event,
    ) -> None:
        if not batch:
            return
        waiting: queue.SimpleQueue[Claimed] = queue.SimpleQueue()
        for one in batch:
            waiting.put(one)
        running = [
            threading.Thread(target=worker, args=(waiting,), daemon=True)
            for _ in range(min(threads, len(batch)))
        ]
        for thread in running:
            thread.start()
        for thread in running:
            while thread.is_alive():
                thread.join(0.2)
                if stop.is_set():
                    self._give_back(waiting)
        self._give_back(waiting)

    def _give_back(self, waiting: queue.SimpleQueue[Claimed]) -> None:
        left = []
        while True:
            try:
                left.append(waiting.get_nowait())
            except queue.Empty:
                break
        if left:
            with self._database.write() as session:
                claims.put_back(session, [one.id for one in left], left[0].claim, self._clock())

    def _mail_worker(self, waiting: queue.SimpleQueue[Claimed]) -> None:
        connection: smtplib.SMTP | None = None
        try:
            connection = self._connections.get_nowait()
        except queue.Empty:
            pass
        while True:
            try:
                one = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                connection = connection or self._connect(self._settings.mail)
            except (OSError, smtplib.SMTPException) as error:
                # The relay is away: that is no fault of the message, so its attempt does not count.
                with self._database.write() as session:
                    claims.put_back(session, [one.id], one.claim, self._clock() + timedelta(seconds=15))
                log.warning("the mail relay cannot be reached: %s", error)
                break
            connection = self._send(connection, one)
        if connection:
            self._connections.put(connection)

    def _send(self, connection: smtplib.SMTP, one: Claimed) -> smtplib.SMTP | None:
        """Sends one mail; the connection if it can be used again."""
        try:
            mail = self._composer.mail(one)
            connection.sendmail(mail.sender, [mail.recipient], mail.data)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            self._refused(one, code, text, of_address=True)
            return connection
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            self._refused(one, int(error.smtp_code), bytes(str(error.smtp_error), "utf-8"), of_address=False)
            return connection
        except (OSError, smtplib.SMTPException) as error:
            self._later(one, f"connection: {error}")
            _quit(connection)
            return None
        except StatusError as error:
            with self._database.write() as session:
                claims.failed(session, one, str(error))
            return connection
        with self._database.statement() as database:
            claims.sent(database, one, self._clock())
        return connection

    def _refused(self, one: Claimed, code: int, text: bytes, *, of_address: bool) -> None:
        reason = f"{code} {text.decode('utf-8', 'replace')}"[:300]
        if code < 500:
            self._later(one, reason)
            return
        with self._database.write() as session:
            claims.failed(session, one, reason)
            subscriber = session.get(Subscriber, one.subscriber_id) if one.subscriber_id else None
            # A relay that dislikes the sender or the text says nothing about the address.
            if of_address and subscriber is not None and subscriber.channel == "email":
                SubscriptionDesk(session, self._settings, self._clock()).quarantine(subscriber, reason)

    def _later(self, one: Claimed, reason: str) -> None:
        with self._database.write() as session:
            claims.later(session, one, self._clock(), reason)

    def _post_worker(self, waiting: queue.SimpleQueue[Claimed]) -> None:
        while True:
            try:
                one = waiting.get_nowait()
            except queue.Empty:
                return
            status, problem = 0, ""
            try:
                body, headers = self._poster.request(one, self._clock())
                status = self._http.post(one.address, body, headers)
            except UnsafeAddress as error:
                problem, status = str(error), GONE
            except Invalid as error:
                with self._database.write() as session:
                    claims.failed(session, one, str(error))
                continue
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = f"{type(error).__name__}: {error}"
            self._posted(one, status, problem or f"it answered {status}")

    def _posted(self, one: Claimed, status: int, problem: str) -> None:
        now = self._clock()
        with self._database.write() as session:
            subscriber = session.get(Subscriber, one.subscriber_id)
            if 200 <= status < 300:
                claims.sent(session.connection(), one, now)
                if subscriber is not None:
                    subscriber.failures = 0
                return
            gone = status == GONE
            kept = False if gone else claims.later(session, one, now, problem)
            if gone:
                claims.failed(session, one, problem)
            if subscriber is not None:
                subscriber.failures += 1
                if not kept:
                    SubscriptionDesk(session, self._settings, now).quarantine(subscriber, problem)


def open_smtp(mail: Mail) -> smtplib.SMTP:
    """A connection to the relay, encrypted and signed in as the settings say."""
    connection = smtplib.SMTP(mail.host, mail.port, timeout=30)
    if mail.starttls:
        connection.starttls(context=ssl.create_default_context())
    if mail.user:
        connection.login(mail.user, mail.password)
    return connection


def _quit(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        pass
