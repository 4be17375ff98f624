"""Load on an address of this machine by wrk, and nginx as the peer; both bounded in time."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SERVING_CORE, ASKING_CORE, CONNECTIONS = "0", "1", 8


class Load(NamedTuple):
    """What wrk saw."""

    per_s: float
    p99_ms: float


def pinned(core: str, *command: str) -> list[str]:
    """A command that keeps to one core."""
    return ["taskset", "-c", core, *command]


def program(name: str) -> str:
    """Where a program is; says what to install when it is not."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise SystemExit(f"{name} is needed: install the package of that name (nginx: nginx-light)")
    return found


def load(url: str, seconds: int, headers: dict[str, str] | None = None) -> Load:
    """Asks as fast as one core can for some seconds; the first second only warms up."""
    options = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    for length in (1, seconds):
        command = pinned(
            ASKING_CORE, program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{length}s", "--latency", *options, url
        )
        said = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=seconds + 30
        ).stdout
    if "Non-2xx" in said and not headers:
        raise SystemExit(f"{url} answered with errors:\n{said}")
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert per_s is not None and p99 is not None, said
    return Load(float(per_s[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]])


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int, seconds: float = 20) -> None:
    """Returns when something listens on a port."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@contextmanager
def nginx(work: Path, root: Path) -> Iterator[str]:
    """Nginx with one worker on the serving core, serving a folder."""
    port = free_port()
    config = work / "nginx.conf"
    config.write_text(
        f"worker_processes 1; daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; sendfile on; keepalive_requests 1000000; client_body_temp_path {work}/t1;\n"
        f"proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;\n"
        f"uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;\n"
        f"types {{ text/html html; application/json json; }} server {{ listen 127.0.0.1:{port}; root {root};\n"
        "location / { try_files $uri $uri/index.html =404; } } }\n"
    )
    # The folder may be closed to the account nginx would change to.
    account = ["-g", "user root;"] if Path("/proc/self").stat().st_uid == 0 else []
    child = subprocess.Popen(
        pinned(SERVING_CORE, program("nginx"), "-c", str(config), "-p", str(work), *account)
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)
