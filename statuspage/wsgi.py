"""The gunicorn entry of one region's site: ``REGION=emea gunicorn statuspage.wsgi:app``."""

from __future__ import annotations

import logging
import sys

from sqlalchemy.exc import SQLAlchemyError

from regions.loader import RegionError
from statuspage.errors import DatabaseLost, StatusError
from statuspage.settings import from_environment
from statuspage.web.factory import create_app

log = logging.getLogger("statuspage")
try:
    app = create_app(from_environment())
    site = app.extensions["status"]
    try:
        site.database.migrate(site.region, site.now())
    except (DatabaseLost, SQLAlchemyError) as error:
        # The site still has its published copy to answer from; the database may come back.
        log.error("the database cannot be prepared: %s", error)
except (StatusError, RegionError) as error:
    log.error("%s", error)
    # gunicorn's own code for "do not start me again": a broken region file does not mend itself.
    sys.exit(4)
