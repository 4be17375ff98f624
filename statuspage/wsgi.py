"""The gunicorn entry of one region's site: ``REGION=emea gunicorn statuspage.wsgi:app``."""

from __future__ import annotations

import sys

from regions.loader import RegionError
from statuspage.errors import StatusError
from statuspage.settings import from_environment
from statuspage.web.factory import create_app

try:
    app = create_app(from_environment())
except (StatusError, RegionError) as error:
    sys.exit(f"status site: {error}")
