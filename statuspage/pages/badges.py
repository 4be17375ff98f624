"""SVG badges: a label and a state, told by a sign and a word, never by colour alone."""

from __future__ import annotations

import unicodedata
from html import escape

from statuspage.domain.statuses import ComponentStatus, Impact

# Each colour has at least 4.5:1 against the white text on it.
COLOURS = {
    "operational": "#1a7f37",
    "none": "#1a7f37",
    "under_maintenance": "#0b5fad",
    "maintenance": "#0b5fad",
    "degraded_performance": "#8a5a00",
    "minor": "#8a5a00",
    "partial_outage": "#b54708",
    "major": "#b54708",
    "major_outage": "#b42318",
    "critical": "#b42318",
    "unverified": "#57606a",
}
SIGNS = {
    "operational": "✓",
    "none": "✓",
    "under_maintenance": "⚒",
    "maintenance": "⚒",
    "degraded_performance": "!",
    "minor": "!",
    "partial_outage": "▲",
    "major": "▲",
    "major_outage": "✕",
    "critical": "✕",
    "unverified": "?",
}


def badge(label: str, state: ComponentStatus | Impact | str, words: str) -> bytes:
    """A badge of ``label`` and the words for its state."""
    right = f"{SIGNS[state]} {words}"
    left_px, right_px = _width(label) + 16, _width(right) + 16
    total, title = left_px + right_px, escape(f"{label}: {words}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="22" role="img" aria-label="{title}">'
        f'<title>{title}</title><clipPath id="r"><rect width="{total}" height="22" rx="4"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left_px}" height="22" fill="#24292f"/>'
        f'<rect x="{left_px}" width="{right_px}" height="22" fill="{COLOURS[state]}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Noto Sans CJK JP,sans-serif" font-size="12" '
        'text-anchor="middle">'
        f'<text x="{left_px / 2}" y="15">{escape(label)}</text>'
        f'<text x="{left_px + right_px / 2}" y="15">{escape(right)}</text></g></svg>'
    ).encode()


def _width(text: str) -> int:
    # Verdana at 12 px is about 7.2 px a character; wide characters take a full square.
    return round(sum(12.5 if unicodedata.east_asian_width(char) in "WF" else 7.4 for char in text))
