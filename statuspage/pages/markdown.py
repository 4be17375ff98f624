"""Operators' texts as HTML: a small Markdown without raw HTML, then an allow-list."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

TAGS = {"p", "br", "strong", "em", "a", "ul", "ol", "li", "code", "pre", "blockquote", "h3", "h4", "hr"}


class Markdown:
    """Renders and remembers; texts repeat in every language's pages, feeds and mails."""

    def __init__(self, limit: int = 4_096) -> None:
        self._parser = MarkdownIt("commonmark", {"html": False}).disable("image")
        self._known: dict[str, str] = {}
        self._limit = limit

    def html(self, text: str) -> str:
        """Safe HTML of a Markdown text."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= self._limit:
                self._known.clear()
            # An operator's heading must not compete with the page's own: they begin at the third level.
            raw = (
                self._parser.render(text)
                .replace("<h1>", "<h3>")
                .replace("</h1>", "</h3>")
                .replace("<h2>", "<h4>")
                .replace("</h2>", "</h4>")
            )
            found = nh3.clean(
                raw,
                tags=TAGS,
                attributes={"a": {"href"}},
                url_schemes={"http", "https", "mailto"},
                link_rel="noopener nofollow",
            )
            self._known[text] = found
        return found
