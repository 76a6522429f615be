"""What the environment may say, and what is wrong with it in a sentence. Read by the settings and by commands, once.

A variable that is set to nothing counts as unset.
"""

import logging
import os
import re
import secrets
import sqlite3
import sys
import tempfile
import tomllib
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from projects.targets import parse_target
from wire.addresses import private_network
from wire.logs import FORMS

BASE = Path(__file__).resolve().parent.parent

POSTGRESQL = ("postgres://", "postgresql://")
FAMILY = {"cheap": "claude-haiku-5-5", "standard": "claude-sonnet-5-5", "frontier": "claude-opus-5-5"}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name) or default


def listed(name: str, default: list[str]) -> list[str]:
    """Comma-separated words."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or default


def whole(name: str, default: int, least: int = 0, most: int = 1_000_000) -> int:
    """A whole number, or a sentence on what is wrong with it."""
    given = text(name, str(default))
    if not (given.isascii() and given.isdigit() and len(given) < 10 and least <= int(given) <= most):
        raise ImproperlyConfigured(f"{name}={given!r}: write a whole number from {least} to {most}.")
    return int(given)


def flag(name: str) -> bool:
    """True or false, false where nothing is said."""
    given = text(name, "false").lower()
    if given not in ("true", "false", "1", "0", "on", "off", "yes", "no"):
        raise ImproperlyConfigured(f"{name}={given!r}: write true or false.")
    return given in ("true", "1", "on", "yes")


def tls(name: str, proxy: str) -> bool | None:
    """Whether callers come by TLS, which `proxy` ends; None where nothing is said."""
    said = flag(name) if text(name) else None
    if said and not proxy:
        raise ImproperlyConfigured(f"{name}=true: name the proxy that ends TLS in TRUSTED_PROXY, which tells of it.")
    return said


def usd(name: str, default: str) -> Decimal:
    """An amount of money."""
    given = text(name, default)
    try:
        amount = Decimal(given)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= 1_000_000:
        raise ImproperlyConfigured(f"{name}={given!r}: write an amount in USD, such as {default}.")
    return amount


def log_level(name: str) -> str:
    level = text(name, "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(f"{name}={level!r}: write DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    return level


def log_form(name: str) -> str:
    """What is said, else lines for a person at a terminal and JSON for whatever else collects them."""
    form = text(name, "line" if sys.stderr.isatty() else "json").lower()
    if form not in FORMS:
        raise ImproperlyConfigured(f"{name}={form!r}: write line or json.")
    return form


def version() -> str:
    """The product's own, which stands in one place."""
    return tomllib.loads((BASE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def files(name: str, default: list[Path]) -> list[Path]:
    """Comma-separated files, each of them there."""
    found = [Path(word) for word in listed(name, [])] or default
    if missing := [path for path in found if not path.is_file()]:
        raise ImproperlyConfigured(f"{name}: there is no file {missing[0]}.")
    return found


def new_file(name: str) -> Path | None:
    """A file that is written to, and made where it is not there; None: none."""
    given = text(name)
    path = Path(given)
    if given and (path.is_dir() or not path.parent.is_dir()):
        raise ImproperlyConfigured(f"{name}: {path} cannot be written to: name a file in a folder that exists.")
    return path if given else None


def public_url(name: str, default: str) -> str:
    """An address without a slash at its end."""
    given = text(name).removesuffix("/")
    if not given:
        return default
    try:
        host = urlsplit(given).hostname
    except ValueError:
        host = None
    if not host or not re.fullmatch(r"https?://[^\s@?#\\]+", given, re.ASCII):
        raise ImproperlyConfigured(f"{name}: write an address such as https://workflows.example.com.")
    return given


def networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Networks of one's own, in CIDR notation, comma-separated."""
    found = []
    for word in listed(name, default):
        network = private_network(word)
        if network is None:
            raise ImproperlyConfigured(f"{name}: {word!r} is no private network, such as 10.1.0.0/16 or 127.0.0.0/8.")
        found.append(network)
    return found


def mail(name: str, sender: str) -> dict:
    """Of a mail server what Django's settings call it, and `FROM`; empty: none is configured."""
    url = text(name)
    if not url:
        return {}
    schemes = ("smtp", "smtp+tls", "smtp+ssl")
    try:
        config = environ.Env.email_url_config(url) if urlsplit(url).scheme in schemes else {}
    except (ValueError, KeyError):
        config = {}
    if not config.get("EMAIL_HOST"):
        raise ImproperlyConfigured(
            f"{name}: write smtp+tls://user:password@host:587, smtp+ssl://user:password@host:465 or smtp://host:25."
        )
    if not re.fullmatch(r"[^@\r\n]+@[^@\s]+", sender):
        raise ImproperlyConfigured(f"{name}: EMAIL_FROM says who mails come from, such as workflows@example.com.")
    return {**config, "FROM": sender}


def data_folder() -> Path:
    """`var/` in the checkout: the SQLite file, the secret, the lock of the embedded process. Its owner's alone."""
    folder = BASE / "var"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def broker() -> str:
    """The address of Redis or RabbitMQ; empty: the embedded broker, which lives in one process."""
    url = text("BROKER_URL")
    if not url:
        return ""
    if not url.startswith(("redis://", "rediss://", "amqp://", "amqps://")):
        raise ImproperlyConfigured("BROKER_URL: write redis://host:port/db or amqp://user:password@host:port/vhost.")
    if not text("DATABASE_URL").startswith(POSTGRESQL):
        raise ImproperlyConfigured(
            "BROKER_URL without a database that several processes can share: set DATABASE_URL=postgres://… as well, "
            "or unset BROKER_URL for the embedded default."
        )
    return url


def transport_options(broker_url: str) -> dict:
    """How the broker is talked to. Bells are acknowledged at once and lost without harm: nothing here is about safety."""
    if not broker_url:
        return {"polling_interval": 0.02}
    if broker_url.startswith("redis"):
        return {
            "global_keyprefix": "workflow-memory:",
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        }
    return {"connect_timeout": 5}


def ringing_options(broker_url: str) -> dict:
    """What is different where a bell is rung: somebody waits for it, and it may be lost, so nobody waits long."""
    if not broker_url:
        return {}
    if broker_url.startswith("redis"):
        return {"socket_timeout": 1, "socket_connect_timeout": 1}
    return {"connect_timeout": 1, "read_timeout": 1, "write_timeout": 1}


def database() -> dict:
    """The embedded default is one SQLite file; `DATABASE_URL=sqlite:///file` names another, `postgres://…` a server."""
    url = text("DATABASE_URL") or f"sqlite:///{data_folder() / 'workflow_memory.sqlite3'}"
    if url.startswith("sqlite:///"):
        return _sqlite(url)
    if url.startswith(POSTGRESQL):
        return _postgresql(url)
    raise ImproperlyConfigured(
        "DATABASE_URL: write postgres://user:password@host:port/database or sqlite:///path, "
        "or unset it for the embedded default."
    )


class _PrivateFile(sqlite3.Connection):
    """Whoever connects first makes the file, readable by its owner alone; the files beside it (`-wal`, `-shm`) are as it is."""

    def __init__(self, database: str | Path, *arguments: object, **named: object) -> None:
        if not str(database).startswith((":", "file:")):
            with suppress(OSError):  # it is there, or cannot be: then connecting says what is wrong
                os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        super().__init__(database, *arguments, **named)


def _sqlite(url: str) -> dict:
    config = environ.Env.db_url_config(url)
    file = Path(config["NAME"])
    if file.is_dir() or not file.parent.is_dir() or file.name == ":memory:":
        raise ImproperlyConfigured(f"DATABASE_URL: {file} cannot be a database: name a file in a folder that exists.")
    config["OPTIONS"] = {
        "factory": _PrivateFile,
        # IMMEDIATE: a writer waits for its turn at BEGIN instead of failing at its first write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # FULL: a recorded call is on disk before the next one is paid, also when the power goes.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;",
    }
    return config


def _postgresql(url: str) -> dict:
    try:
        config = environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
    if not config["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL names no database: write postgres://user:password@host:port/database.")
    config["ENGINE"] = "django.db.backends.postgresql"
    # A thread keeps its connection: web threads and a worker's few database threads are all there are.
    config["CONN_MAX_AGE"], config["CONN_HEALTH_CHECKS"] = 600, True
    config.setdefault("OPTIONS", {}).update(
        connect_timeout=5,
        prepare_threshold=2,  # the hot path's few statements are planned once; Django's own are never prepared
        # Nothing of ours holds a statement, a lock or a transaction for long; what does is a fault, and ends.
        # And none is worth being compiled first: that takes longer than running it.
        options="-c statement_timeout=60s -c lock_timeout=20s -c idle_in_transaction_session_timeout=60s -c jit=off",
    )
    return config


def secret_key(name: str) -> str:
    """What is given, or one of our own making, kept beside the embedded database and readable by its owner alone."""
    if given := text(name):
        if len(given) < 32:
            raise ImproperlyConfigured(f"{name} is shorter than 32 characters; unset it, or take a longer one.")
        return given
    path = data_folder() / "secret_key"
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(50))
    return path.read_text()


def own_secrets(*more: str) -> tuple[str, ...]:
    """Keys, tokens and passwords that this process was given, the longest first. They never stand in a text that is kept,
    whoever says them: a provider's error, say, or a tool."""
    found = {value for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))}
    sources = [value for name, value in os.environ.items() if name.startswith("SQL_") and name.endswith("_URL")]
    for url in (text("DATABASE_URL"), text("BROKER_URL"), text("EMAIL_URL"), *sources):
        with suppress(ValueError):  # what is wrong with an address is said where it is used
            parts = urlsplit(url)
            if parts.password and parts.password != parts.username:
                found |= {parts.password, unquote(parts.password)}
    # A short one is a word, and words stand everywhere.
    return tuple(sorted((secret for secret in {*found, *more} if len(secret) >= 12), key=len, reverse=True))


def _write_once(path: Path, content: str) -> None:
    """The first one to come names its file so, whole: another process never reads half of it, nor nothing."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as file:  # readable by its owner
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)


def default_tiers() -> dict[str, tuple[str, str]]:
    """The tier map of a new project: `{"cheap": ("anthropic", "claude-haiku-5-5"), …}`.

    Without a key for a provider the models are scripted: they answer from a script, at no cost.
    """
    usual = "anthropic" if text("ANTHROPIC_API_KEY") else "scripted"
    return {tier: target(f"MODEL_{tier.upper()}", f"{usual}:{model}") for tier, model in FAMILY.items()}


def target(name: str, default: str) -> tuple[str, str]:
    """A provider and its model."""
    given = text(name, default)
    try:
        return parse_target(given)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={given[:80]!r}: {error}") from error
