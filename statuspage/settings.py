"""The only reader of the environment. Every setting is checked once, when a process starts."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import regions.loader
from statuspage.errors import SettingsError

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Mail:
    """How mail leaves: an SMTP relay, the sender and the DKIM key (None leaves mail unsigned)."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    sender: str
    dkim_selector: str
    dkim_key: Path | None
    connections: int
    per_domain_per_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process of one region's site needs to know before it starts."""

    region: str
    regions_folder: Path
    siblings: tuple[str, ...]
    data: Path
    database_url: str
    base_url: str
    addresses: Mapping[str, str]
    secret: str
    publish_to: str
    s3_endpoint: str
    imprint_url: str
    privacy_url: str
    ingest_secrets: tuple[str, ...]
    allow_networks: tuple[Network, ...]
    slack_hosts: tuple[str, ...]
    teams_hosts: tuple[str, ...]
    escalate_to: tuple[str, ...]
    remind_after_s: int
    trusted_proxies: int
    mail: Mail

    def database_url_of(self, region: str) -> str:
        """The database of another region's site, for actions that post to several."""
        return self.database_url.replace("{region}", region)

    @property
    def own_database_url(self) -> str:
        """This region's database."""
        return self.database_url_of(self.region)

    @property
    def published(self) -> Path:
        """The folder that holds the published copy on this machine, also the fallback when the database is lost."""
        local = not self.publish_to.startswith("s3://")
        return Path(self.publish_to) if local and self.publish_to else self.data / "published" / self.region

    @property
    def secure_cookies(self) -> bool:
        """Cookies are marked Secure unless the site itself is plain http (a demonstration on this machine)."""
        return self.base_url.startswith("https://")

    def address_of(self, region: str) -> str:
        """The public address of a region's site."""
        return (
            self.addresses.get(region) or f"https://{regions.loader.load(region, self.regions_folder).host}"
        )

    def for_region(self, region: str) -> Settings:
        """The same settings seen from another region's site, for actions that post to several."""
        publish_to = "" if self.publish_to and not self.publish_to.startswith("s3://") else self.publish_to
        return replace(self, region=region, base_url=self.address_of(region), publish_to=publish_to)


def from_environment(environment: Mapping[str, str] | None = None, region: str | None = None) -> Settings:
    """Reads and checks all settings; raises :class:`SettingsError` naming the variable at fault."""
    env = os.environ if environment is None else environment
    name = region or env.get("REGION", "")
    if not name:
        raise SettingsError("REGION is not set: name the region this site is for, for example REGION=emea.")
    folder = Path(env.get("STATUS_REGIONS", str(regions.loader.FOLDER)))
    loaded = regions.loader.load(name, folder)
    data = Path(env.get("STATUS_DATA", "status-data")).absolute()
    base = (
        env.get(f"STATUS_BASE_URL_{name.upper()}") or env.get("STATUS_BASE_URL") or f"https://{loaded.host}"
    )
    _check_url("STATUS_BASE_URL", base)
    publish_to = env.get(f"STATUS_PUBLISH_TO_{name.upper()}") or env.get("STATUS_PUBLISH_TO", "")
    return Settings(
        region=name,
        regions_folder=folder,
        siblings=_words(env, "STATUS_SIBLINGS", " ".join(regions.loader.names(folder))),
        data=data,
        database_url=_database_url(env, data),
        base_url=base.rstrip("/"),
        addresses=_addresses(env, folder),
        secret=env.get("STATUS_SECRET") or _kept_secret(data),
        publish_to=publish_to.replace("{region}", name),
        s3_endpoint=env.get("STATUS_S3_ENDPOINT", ""),
        imprint_url=env.get("STATUS_IMPRINT_URL", "https://backupd.example/imprint"),
        privacy_url=env.get("STATUS_PRIVACY_URL", "https://backupd.example/privacy"),
        ingest_secrets=_ingest_secrets(env),
        allow_networks=_networks(env),
        slack_hosts=_words(env, "STATUS_SLACK_HOSTS", "hooks.slack.com"),
        teams_hosts=_words(
            env,
            "STATUS_TEAMS_HOSTS",
            ".webhook.office.com .logic.azure.com .environment.api.powerplatform.com",
        ),
        escalate_to=_words(env, "STATUS_ESCALATE_TO", ""),
        remind_after_s=_whole(env, "STATUS_REMIND_AFTER_S", 3_600, 60),
        trusted_proxies=_whole(env, "STATUS_TRUSTED_PROXIES", 0, 0),
        mail=_mail(env, urlsplit(base).hostname or "localhost"),
    )


def inherited() -> dict[str, str]:
    """The environment of this process, to hand on to processes it starts."""
    return dict(os.environ)


def _mail(env: Mapping[str, str], host: str) -> Mail:
    key = env.get("STATUS_DKIM_KEY", "")
    if key and not Path(key).is_file():
        raise SettingsError(f"STATUS_DKIM_KEY names {key}, which is not a file.")
    return Mail(
        host=env.get("STATUS_SMTP_HOST", ""),
        port=_whole(env, "STATUS_SMTP_PORT", 25, 1),
        user=env.get("STATUS_SMTP_USER", ""),
        password=env.get("STATUS_SMTP_PASSWORD", ""),
        starttls=_flag(env, "STATUS_SMTP_STARTTLS"),
        sender=env.get("STATUS_MAIL_FROM", f"status@{host}"),
        dkim_selector=env.get("STATUS_DKIM_SELECTOR", "status"),
        dkim_key=Path(key) if key else None,
        connections=_whole(env, "STATUS_SMTP_CONNECTIONS", 4, 1),
        per_domain_per_s=float(_whole(env, "STATUS_MAIL_PER_DOMAIN_PER_S", 50, 1)),
    )


def _database_url(env: Mapping[str, str], data: Path) -> str:
    url = env.get("STATUS_DATABASE_URL", f"sqlite:///{data}/status-{{region}}.db")
    if not re.match(r"(sqlite|postgresql(\+psycopg)?)://", url):
        raise SettingsError("STATUS_DATABASE_URL must begin with sqlite:// or postgresql://.")
    return re.sub(r"^postgresql://", "postgresql+psycopg://", url)


def _kept_secret(data: Path) -> str:
    # Created once and kept beside the database, so that links in mails survive a restart. The exclusive link makes
    # two processes that start together agree on one secret.
    path = data / "secret.key"
    if not path.exists():
        try:
            data.mkdir(parents=True, exist_ok=True)
            fresh = data / f".secret-{os.getpid()}"
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            fresh.unlink()
        except OSError as error:
            raise SettingsError(f"STATUS_DATA={data} cannot be written: {error.strerror}.") from None
    return path.read_text().strip()


def _ingest_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    found = _words(env, "STATUS_INGEST_SECRETS", "")
    for secret in found:
        if not secret.startswith("whsec_"):
            raise SettingsError("STATUS_INGEST_SECRETS holds a secret that does not begin with whsec_.")
    return found


def _networks(env: Mapping[str, str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(word) for word in _words(env, "STATUS_ALLOW_NETWORKS", ""))
    except ValueError as error:
        raise SettingsError(f"STATUS_ALLOW_NETWORKS: {error}.") from None


def _words(env: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    return (
        tuple(re.split(r"[\s,]+", env.get(name, default).strip())) if env.get(name, default).strip() else ()
    )


def _addresses(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    found = {}
    for name in regions.loader.names(folder):
        variable = f"STATUS_BASE_URL_{name.upper()}"
        if url := env.get(variable):
            _check_url(variable, url)
            found[name] = url.rstrip("/")
    return found


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "0").lower()
    if value not in ("0", "1", "true", "false", ""):
        raise SettingsError(f"{name} must be 0 or 1, not {value!r}.")
    return value in ("1", "true")


def _whole(env: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = env.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
        raise SettingsError(f"{name} must be a whole number of at least {least}, not {text!r}.")
    return int(text)


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise SettingsError(f"{name} must be an http or https address without a path, not {url!r}.")
