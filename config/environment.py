"""What the environment may say, and what is wrong with it in a sentence. Read by the settings, once."""

import logging
import os
import secrets
from decimal import Decimal, InvalidOperation
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE = Path(__file__).resolve().parent.parent
env = environ.Env()

TIERS = ("cheap", "standard", "frontier")
FAMILY = {"cheap": "claude-haiku-5-5", "standard": "claude-sonnet-5-5", "frontier": "claude-opus-5-5"}


def whole(name: str, default: int, least: int = 0) -> int:
    """A whole number of the environment, or a sentence on what is wrong with it."""
    text = env.str(name, str(default))
    if not (text.isascii() and text.isdigit() and least <= int(text) <= 1_000_000):
        raise ImproperlyConfigured(f"{name}={text!r}: write a whole number of at least {least}.")
    return int(text)


def flag(name: str) -> bool:
    """True or false, false where nothing is said."""
    text = env.str(name, "false").lower()
    if text not in ("true", "false", "1", "0", "on", "off", "yes", "no"):
        raise ImproperlyConfigured(f"{name}={text!r}: write true or false.")
    return text in ("true", "1", "on", "yes")


def usd(name: str, default: str) -> Decimal:
    """An amount of money of the environment."""
    text = env.str(name, default)
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= 1_000_000:
        raise ImproperlyConfigured(f"{name}={text!r}: write an amount in USD, such as {default}.")
    return amount


def log_level() -> str:
    level = env.str("LOG_LEVEL", "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(f"LOG_LEVEL={level!r}: write DEBUG, INFO, WARNING or ERROR.")
    return level


def data_folder() -> Path:
    """`var/` in the checkout: the SQLite file, the secret, the lock of the embedded process."""
    folder = BASE / "var"
    folder.mkdir(exist_ok=True)
    return folder


def database() -> dict:
    """The embedded default is one SQLite file; `DATABASE_URL=sqlite:///file` names another."""
    if env.str("BROKER_URL", ""):
        raise ImproperlyConfigured("BROKER_URL: a broker beside the embedded one is not available yet; unset it.")
    url = env.str("DATABASE_URL", f"sqlite:///{data_folder() / 'workflow_memory.sqlite3'}")
    if not url.startswith("sqlite:///"):
        raise ImproperlyConfigured(
            "DATABASE_URL: only sqlite:///path is available yet; unset it for the embedded default."
        )
    config = environ.Env.db_url_config(url)
    config["OPTIONS"] = {
        # IMMEDIATE: a writer waits for its turn at BEGIN instead of failing at its first write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # FULL: a recorded call is on disk before the next one is paid, also when the power goes.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;",
    }
    return config


def secret_key() -> str:
    """`SECRET_KEY`, or one of our own making, kept beside the embedded database and readable by its owner alone."""
    if given := env.str("SECRET_KEY", ""):
        if len(given) < 32:
            raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters; unset it, or take a longer one.")
        return given
    path = data_folder() / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(made := secrets.token_urlsafe(50))
    return made


def default_tiers() -> dict[str, tuple[str, str]]:
    """The tier map of a new project: `{"cheap": ("anthropic", "claude-haiku-5-5"), …}`.

    Without a key for a provider the models are scripted: they answer from a script, at no cost.
    """
    usual = "anthropic" if env.str("ANTHROPIC_API_KEY", "") else "scripted"
    tiers = {}
    for tier in TIERS:
        provider, _, model = env.str(f"MODEL_{tier.upper()}", f"{usual}:{FAMILY[tier]}").partition(":")
        if provider not in ("anthropic", "scripted") or not model:
            raise ImproperlyConfigured(
                f"MODEL_{tier.upper()}: write anthropic:NAME or scripted:NAME; other providers are not available yet."
            )
        tiers[tier] = (provider, model)
    return tiers
