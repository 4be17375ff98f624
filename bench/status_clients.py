"""`python -m bench.status_clients URL`: three public clients of the v2 API read a site; prints what each understood.

They come from the package registries into throwaway folders, since their requirements would not fit beside ours.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

STATUSCHECK = """
import sys
from statuscheck.services.bases._statuspageio import BaseStatusPageAPI
class Api(BaseStatusPageAPI):
    name, status_url, service_url = "backupd", sys.argv[1] + "/", sys.argv[1]
    def _get_base_url(self):
        return sys.argv[1] + "/api/v2/"
summary = Api().get_summary()
print(summary.status, [(c.name, c.status) for c in summary.components], [i.name for i in summary.incidents])
"""
HEALTH_CHECK = """
import asyncio, dataclasses, datetime, sys
from health_check.contrib.atlassian import AtlassianStatusPage
from health_check.contrib.rss import Feed
@dataclasses.dataclass
class Page(AtlassianStatusPage):
    timeout: datetime.timedelta = datetime.timedelta(seconds=10)
    component: str = ""
    base_url: str = dataclasses.field(default=sys.argv[1], init=False, repr=False)
@dataclasses.dataclass
class Rss(Feed):
    timeout: datetime.timedelta = datetime.timedelta(seconds=10)
    max_age: datetime.timedelta = datetime.timedelta(days=1)
    feed_url: str = dataclasses.field(default=sys.argv[1] + "/history.rss", init=False, repr=False)
for name, check in (("page", Page()), ("Website", Page(component="Website")), ("Backups", Page(component="Backups")),
                    ("rss", Rss())):
    try:
        asyncio.run(check.run())
        print(name, "ok")
    except Exception as error:
        print(name, type(error).__name__, str(error).splitlines()[0])
"""
NPM = """
const {Statuspage} = require('statuspage.io');
const client = new Statuspage('any');
client.setApiUrl(process.argv[2]);
(async () => {
  const summary = await client.getSummary();
  console.log(summary.status, summary.components.map((one) => [one.name, one.status]),
              summary.incidents.map((one) => one.name));
})();
"""


def python_client(folder: Path, package: str, script: str, url: str) -> str:
    """What a client from PyPI says."""
    venv.create(folder, with_pip=True)
    run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", package])
    return run([str(folder / "bin" / "python"), "-c", script, url])


def npm_client(folder: Path, package: str, script: str, url: str) -> str:
    """What a client from npm says."""
    folder.mkdir()
    run(["npm", "install", "--silent", "--prefix", str(folder), package])
    (folder / "ask.js").write_text(script)
    return run(["node", str(folder / "ask.js"), url])


def run(command: list[str]) -> str:
    """A command's output; its error output when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.stdout if done.returncode == 0 else f"failed: {done.stderr[-800:]}"


def main() -> None:
    """Asks with each client."""
    url = sys.argv[1].rstrip("/")
    with tempfile.TemporaryDirectory(prefix="status-clients-") as work:
        root = Path(work)
        print("statuscheck:", python_client(root / "a", "statuscheck", STATUSCHECK, url))
        packages = "django-health-check[atlassian,rss]"
        print("django-health-check:", python_client(root / "b", packages, HEALTH_CHECK, url))
        print("statuspage.io:", npm_client(root / "c", "statuspage.io", NPM, url))


if __name__ == "__main__":
    main()
