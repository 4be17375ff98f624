"""Limits per client address, for what strangers may do. Flask-Limiter wants its object to exist before the routes."""

from __future__ import annotations

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, default_limits=[], storage_uri="memory://", strategy="moving-window")
SIGN_UP = "12 per hour"
LINKS = "60 per minute"
SIGN_IN = "10 per 15 minutes"
INGEST = "600 per minute"
