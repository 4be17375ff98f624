"""Answers public documents that are already made before Flask sees the request.

Under an outage the page is read by everybody at once; a finished document needs no routing, no context and no request
object. Everything else, and the first making of each document, goes through Flask as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from statuspage.errors import StatusError
from statuspage.web.delivery import answer, negotiate, split_language
from statuspage.web.publication import Publication

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]
LANGUAGES_KEPT = 1_000


class FastPath:
    """WSGI middleware in front of the application."""

    def __init__(
        self, app: Wsgi, publication: Publication, languages: tuple[str, ...], *, secure: bool
    ) -> None:
        self._app, self._publication, self._languages, self._secure = app, publication, languages, secure
        self._negotiated: dict[str, str] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answers from what is made, or hands on."""
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            return self._app(environ, start_response)
        path, explicit = split_language(environ["PATH_INFO"], self._languages)
        language = explicit or self._negotiate(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        try:
            copies = self._publication.known(path, *language_of(path, language, explicit, self._languages))
        except StatusError:
            copies = None
        if copies is None:
            return self._app(environ, start_response)
        status, headers, body = answer(
            copies,
            if_none_match=environ.get("HTTP_IF_NONE_MATCH", ""),
            negotiated=negotiated(path, explicit),
            accept_encoding=environ.get("HTTP_ACCEPT_ENCODING", ""),
            language=language,
            secure=self._secure,
        )
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body] if method == "GET" else []

    def _negotiate(self, header: str) -> str:
        found = self._negotiated.get(header)
        if found is None:
            if len(self._negotiated) >= LANGUAGES_KEPT:
                self._negotiated.clear()
            found = self._negotiated[header] = negotiate(header, self._languages)
        return found


def negotiated(path: str, explicit: str | None) -> bool:
    """Whether the language of a path depends on the request: only that of HTML without a language prefix."""
    return explicit is None and "." not in path and not path.startswith("/api/")


def language_of(
    path: str, language: str, explicit: str | None, languages: tuple[str, ...]
) -> tuple[str, str]:
    """The language and the link prefix a document is made with."""
    if explicit:
        return explicit, f"/{explicit}"
    return (language if negotiated(path, explicit) else languages[0]), ""
