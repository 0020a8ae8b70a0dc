"""One frozen `Settings`, and the only reader of the environment."""

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

Profile = Literal["standard", "aws", "relaxed"]
LogLevel = Literal["debug", "info", "warning", "error"]
Source = Literal["default", "environment", "flag"]
ObjectStoreKind = Literal["local", "s3"]

PREFIX = "OPENPERSONALIZE_"
SDK_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Where the SDK would look for the address of S3; the second one only counts once S3 was asked for."""
DATABASES = ("sqlite", "postgresql", "postgres")


class SettingsError(ValueError):
    """A setting has a value that cannot work; the text names it and the remedy."""


@dataclass(frozen=True)
class Settings:
    """What a process needs to know before it starts."""

    host: str = "127.0.0.1"
    port: int = 8484
    data_dir: Path = Path("data")
    database_url: str = ""
    region: str = "us-east-1"
    workers: int = 1
    processes: int = 1
    log_level: LogLevel = "info"
    allow_remote: bool = False
    lease_s: float = 30.0
    limits: Profile = "standard"
    object_store: ObjectStoreKind = "local"
    s3_endpoint_url: str = ""
    s3_buckets: str = ""
    sentence_model: str = ""
    memory_limit: str = ""
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False, repr=False)

    @property
    def database(self) -> str:
        """The database URL in force: the configured one, else SQLite in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'openpersonalize.sqlite3'}"

    @property
    def memory_limit_bytes(self) -> int | None:
        """The bytes that a training may use; None where nothing is set."""
        return size_in_bytes(self.memory_limit) if self.memory_limit else None

    @property
    def url(self) -> str:
        """The address clients use."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def allowed_buckets(self) -> frozenset[str]:
        """The buckets of S3 that may be used; empty means all."""
        return frozenset(filter(None, re.split(r"[,\s]+", self.s3_buckets)))


DESCRIPTIONS = {
    "host": "address to listen on",
    "port": "port to listen on",
    "data_dir": "folder of everything that is stored: database, buckets, generations, artifacts",
    "database_url": "database; empty means SQLite in the data directory (postgresql://user:password@host/name)",
    "region": "region of requests that name none",
    "workers": "job workers",
    "processes": "API processes",
    "log_level": "debug, info, warning or error",
    "allow_remote": "listen on addresses other than loopback although signatures are not verified yet",
    "limits": "which of AWS's limits hold: standard, aws or relaxed (docs/limits.md)",
    "object_store": "what s3://bucket/key means: local (folders of the data directory) or s3",
    "s3_endpoint_url": "address of an S3 server other than AWS; also AWS_ENDPOINT_URL_S3",
    "s3_buckets": "the only S3 buckets that may be used, separated by commas; empty means all",
    "sentence_model": "sentence-embedding model of aws-semantic-similarity: a folder, or a name to download",
    "memory_limit": "most memory of one training, such as 4GiB; empty means 80 % of what there is",
    "lease_s": "seconds after which the job of a silent worker is given to another",
}
NAMES = tuple(DESCRIPTIONS)


def load_settings(
    flags: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read flags over environment over defaults. Raises SettingsError, which names value and remedy."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    sources: dict[str, Source] = {}
    for name in NAMES:
        sources[name] = "default"
        variable = PREFIX + name.upper()
        if environment.get(variable):  # an empty one is none, as compose files write it
            values[name], sources[name] = _parse(name, environment[variable], variable), "environment"
        if flags and flags.get(name) is not None:
            values[name], sources[name] = _parse(name, str(flags[name]), _flag(name)), "flag"
    _choose_object_store(values, sources, environment)
    settings = Settings(**values, sources=sources)  # type: ignore[arg-type]  # _parse gives each its type
    _check(settings)
    return settings


def _choose_object_store(
    values: dict[str, object], sources: dict[str, Source], environment: Mapping[str, str]
) -> None:
    """An endpoint makes the store S3; where none is set, the SDK's own variables name it."""
    asked = values.get("object_store")
    if asked == "local" and "s3_endpoint_url" in values:
        raise SettingsError(
            "the object store is local, and an S3 endpoint is given: leave out one of "
            "OPENPERSONALIZE_OBJECT_STORE and OPENPERSONALIZE_S3_ENDPOINT_URL."
        )
    if asked != "local" and "s3_endpoint_url" not in values:
        found = [environment[name] for name in SDK_ENDPOINTS[: 2 if asked else 1] if environment.get(name)]
        if found:
            values["s3_endpoint_url"], sources["s3_endpoint_url"] = found[0], "environment"
    if asked is None and "s3_endpoint_url" in values:
        values["object_store"], sources["object_store"] = "s3", sources["s3_endpoint_url"]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parse(name: str, text: str, where: str) -> object:
    kind = next(entry.type for entry in fields(Settings) if entry.name == name)
    try:
        if kind is int:
            return int(text)
        if kind is float:
            return float(text)
    except ValueError:
        raise SettingsError(f"{where} is {text!r}: give a number.") from None
    if kind is bool:
        return _parse_switch(text, where)
    if kind is Path:
        return Path(text).expanduser()
    return text


def _parse_switch(text: str, where: str) -> bool:
    word = text.strip().lower()
    if word not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise SettingsError(f"{where} is {text!r}: give 1 or 0.")
    return word in {"1", "true", "yes", "on"}


def _check(settings: Settings) -> None:
    if settings.log_level not in get_args(LogLevel):
        raise SettingsError(
            f"log level {settings.log_level!r}: choose one of {', '.join(get_args(LogLevel))}."
        )
    if settings.limits not in get_args(Profile):
        raise SettingsError(f"limits {settings.limits!r}: choose one of {', '.join(get_args(Profile))}.")
    if not 0 <= settings.port <= 65535:
        raise SettingsError(f"port {settings.port}: give a number from 0 to 65535.")
    if settings.processes < 1:
        raise SettingsError(f"processes {settings.processes}: give at least 1.")
    if settings.workers < 0:
        raise SettingsError(f"workers {settings.workers}: give 0 or more.")
    if not settings.lease_s >= 1:  # neither is NaN
        raise SettingsError(f"lease_s {settings.lease_s}: give at least 1 second.")
    if settings.memory_limit and not size_in_bytes(settings.memory_limit):
        raise SettingsError(
            f"memory limit {settings.memory_limit!r}: give bytes, or a size such as 4GiB or 512MB."
        )
    if settings.database_url:
        _check_database_url(settings.database_url)
    if settings.object_store not in get_args(ObjectStoreKind):
        raise SettingsError(
            f"object store {settings.object_store!r}: choose one of {', '.join(get_args(ObjectStoreKind))}."
        )
    if settings.s3_endpoint_url:
        refuse_own_endpoint(settings, settings.s3_endpoint_url)
    if not re.fullmatch(r"[a-z0-9-]{1,32}", settings.region):
        raise SettingsError(f"region {settings.region!r}: give a region such as us-east-1.")
    if not is_loopback(settings.host) and not settings.allow_remote:
        raise SettingsError(
            f"host {settings.host!r} is not a loopback address, and requests are not authenticated yet: "
            "anybody who reaches the port could read and change everything. "
            "Use 127.0.0.1, or set OPENPERSONALIZE_ALLOW_REMOTE=1 if the network is trusted."
        )


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)


def size_in_bytes(text: str) -> int | None:
    """Return a size such as `4GiB`, `512MB`, `2g` or `1000000` as bytes; None where it is none.

    `i` means powers of 1024, without it 1000; a letter alone means powers of 1024, as Docker has it.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, unit, binary = match.groups()
    is_decimal = not binary and text.strip().lower().endswith("b")
    power = "kmgt".index(unit.lower()) + 1 if unit else 0
    return int(float(number) * (1000 if is_decimal else 1024) ** power)


def _check_database_url(url: str) -> None:
    """Refuse what no database can be reached by; the text shows no more of the URL than its beginning."""
    scheme, separator, rest = url.partition("://")
    remedy = "give postgresql://user:password@host/name, or leave it empty for SQLite in the data directory."
    if not separator:
        raise SettingsError(f"the database URL has no '://': {remedy}")
    if scheme.partition("+")[0] not in DATABASES:
        raise SettingsError(f"the database URL begins with {scheme + separator!r}: {remedy}")
    if scheme.startswith("sqlite") and rest.partition("?")[0] in {"", "/", "/:memory:"}:
        raise SettingsError(f"the database URL names no file that all processes could share: {remedy}")


def refuse_own_endpoint(settings: Settings, endpoint: str) -> None:
    """Raise SettingsError where an S3 endpoint is no address, or is this server, which is no S3 server."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        host, port = None, 0
    if not host:
        raise SettingsError(f"S3 endpoint {endpoint!r}: give an address such as http://127.0.0.1:9000.")
    if port == settings.port and _is_own_host(host, settings.host):
        raise SettingsError(
            f"S3 endpoint {endpoint} is this server itself, which stores no objects: give the address of an "
            "S3 server with OPENPERSONALIZE_S3_ENDPOINT_URL, or set OPENPERSONALIZE_OBJECT_STORE=local."
        )


def _is_own_host(host: str, listening: str) -> bool:
    """Whether a host name is this machine, which listens on an address."""
    if host == listening or is_loopback(host):
        return True
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:  # a name that nobody knows yet is not ours
        return False
    return any(_is_own_address(family, address[0]) for family, _, _, _, address in found)


def _is_own_address(family: int, address: object) -> bool:
    """Whether an address is one of this machine: nobody can bind another's."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def masked_url(url: str) -> str:
    """A database URL with its password and query values hidden."""
    url = re.sub(r"(://[^:/@]*:).*@", r"\1***@", url)
    return re.sub(r"([?&][^=]+=)[^&]+", r"\1***", url)
