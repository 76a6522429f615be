"""What the environment says: a default for everything, and one sentence on whatever is malformed."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment
from projects import tools

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("read", "name", "value", "sentence"),
    [
        (lambda: environment.flag("DEBUG"), "DEBUG", "perhaps", "DEBUG='perhaps': write true or false."),
        (lambda: environment.whole("PORT", 8000, most=65_535), "PORT", "70000", "whole number from 0 to 65535"),
        (lambda: environment.whole("PORT", 8000), "PORT", "eighty", "PORT='eighty': write a whole number"),
        (lambda: environment.whole("PORT", 8000), "PORT", "٨٠", "write a whole number"),
        (lambda: environment.whole("PORT", 8000), "PORT", "1" * 5000, "write a whole number"),
        (lambda: environment.whole("WORKER_THREADS", 4, least=1), "WORKER_THREADS", "0", "from 1 to"),
        (lambda: environment.usd("BUDGET", "2.00"), "BUDGET", "abc", "BUDGET='abc': write an amount in USD"),
        (lambda: environment.usd("BUDGET", "2.00"), "BUDGET", "NaN", "amount in USD, such as 2.00"),
        (lambda: environment.usd("BUDGET", "2.00"), "BUDGET", "-1", "amount in USD"),
        (lambda: environment.log_level("LOG_LEVEL"), "LOG_LEVEL", "loud", "LOG_LEVEL='LOUD': write DEBUG, INFO"),
        (lambda: environment.files("SCRIPTS", []), "SCRIPTS", "none.toml", "SCRIPTS: there is no file none.toml."),
        (lambda: environment.files("SCRIPTS", []), "SCRIPTS", str(ROOT), "SCRIPTS: there is no file"),
        (lambda: environment.new_file("RECORD_TO"), "RECORD_TO", "/no/such/folder/a.jsonl", "in a folder that exists"),
        (lambda: environment.new_file("RECORD_TO"), "RECORD_TO", str(ROOT), "cannot be written to: name a file"),
        (
            environment.database,
            "DATABASE_URL",
            "mysql://u:p@host/db",
            "write postgres://user:password@host:port/database",
        ),
        (environment.database, "DATABASE_URL", "postgres://u:p@host", "names no database"),
        (environment.database, "DATABASE_URL", "postgres://u:p@host:port/db", "DATABASE_URL"),
        (environment.database, "DATABASE_URL", "sqlite:////no/such/folder/file.sqlite3", "in a folder that exists"),
        (environment.database, "DATABASE_URL", "sqlite:///", "cannot be a database"),
        (environment.broker, "BROKER_URL", "kafka://host", "write redis://host:port/db"),
        (environment.broker, "BROKER_URL", "redis://host", "without a database that several processes can share"),
        (lambda: environment.secret_key("SECRET_KEY"), "SECRET_KEY", "short", "shorter than 32 characters"),
        (lambda: environment.public_url("PUBLIC_URL", ""), "PUBLIC_URL", "workflows.example.com", "such as https://"),
        (lambda: environment.public_url("PUBLIC_URL", ""), "PUBLIC_URL", "https://a:b@example.com", "such as https://"),
        (lambda: environment.public_url("PUBLIC_URL", ""), "PUBLIC_URL", "https://[::1", "such as https://"),
        (lambda: environment.networks("WEBHOOK_NETWORKS", []), "WEBHOOK_NETWORKS", "0.0.0.0/0", "no private network"),
        (
            lambda: environment.networks("WEBHOOK_NETWORKS", []),
            "WEBHOOK_NETWORKS",
            "all",
            "'all' is no private network",
        ),
        (lambda: environment.mail("EMAIL_URL", "a@b.example"), "EMAIL_URL", "http://mail.example", "write smtp+tls://"),
        (lambda: environment.mail("EMAIL_URL", "a@b.example"), "EMAIL_URL", "smtp://", "write smtp+tls://"),
        (lambda: environment.mail("EMAIL_URL", "a@b.example"), "EMAIL_URL", "smtp://host:port", "write smtp+tls://"),
        (lambda: environment.mail("EMAIL_URL", ""), "EMAIL_URL", "smtp://host", "EMAIL_FROM says who mails come from"),
        (environment.default_tiers, "MODEL_CHEAP", "gpt-5", "MODEL_CHEAP='gpt-5': Write the model as PROVIDER:MODEL"),
        (environment.default_tiers, "MODEL_CHEAP", "gemini:gemini-3", "with one of these providers: anthropic, openai"),
        (environment.default_tiers, "MODEL_STANDARD", "anthropic:", "MODEL_STANDARD='anthropic:'"),
        (environment.default_tiers, "MODEL_FRONTIER", "anthropic: claude", "Write the model as"),
        (environment.default_tiers, "MODEL_FRONTIER", "anthropic:" + "x" * 201, "Write the model as"),
    ],
)
def test_a_malformed_variable_is_refused_with_a_sentence(monkeypatch, read, name, value, sentence):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as found:
        read()
    assert sentence in str(found.value)
    assert str(found.value).startswith(name)
    assert "\n" not in str(found.value)


def test_a_variable_that_is_set_to_nothing_counts_as_unset(monkeypatch):
    for name in ("DEBUG", "PORT", "BUDGET", "LOG_LEVEL", "SCRIPTS", "MODEL_CHEAP", "ALLOWED_HOSTS"):
        monkeypatch.setenv(name, "")
    assert environment.flag("DEBUG") is False
    assert environment.whole("PORT", 8000) == 8000
    assert environment.usd("BUDGET", "2.00") == Decimal("2.00")
    assert environment.log_level("LOG_LEVEL") == "WARNING"
    assert environment.files("SCRIPTS", [ROOT / "README.md"]) == [ROOT / "README.md"]
    assert environment.listed("ALLOWED_HOSTS", ["localhost"]) == ["localhost"]
    assert environment.default_tiers()["cheap"] == ("scripted", "claude-haiku-5-5")


def test_a_mail_server_a_network_and_our_own_address_are_read(monkeypatch):
    assert environment.mail("EMAIL_URL", "") == {}
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://alice:p%40ss-of-the-mail@mail.example:587")
    found = environment.mail("EMAIL_URL", "Alice <alice@example.com>")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example", 587, True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("alice", "p@ss-of-the-mail")
    assert "p@ss-of-the-mail" in environment.own_secrets()
    monkeypatch.setenv("WEBHOOK_NETWORKS", "10.1.0.0/16, ::1")
    assert [str(one) for one in environment.networks("WEBHOOK_NETWORKS", [])] == ["10.1.0.0/16", "::1/128"]
    assert environment.public_url("PUBLIC_URL", "http://127.0.0.1:8000") == "http://127.0.0.1:8000"
    monkeypatch.setenv("PUBLIC_URL", "https://workflows.example.com/")
    assert environment.public_url("PUBLIC_URL", "") == "https://workflows.example.com"


def test_a_value_is_taken_as_it_is_written(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "$" + "x" * 40)
    assert environment.secret_key("SECRET_KEY") == "$" + "x" * 40


@pytest.mark.parametrize(("content", "reason"), [(None, "ModuleNotFoundError"), ("def tool(:", "SyntaxError")])
def test_a_module_of_tools_that_cannot_be_imported_is_named(settings, monkeypatch, tmp_path, content, reason):
    if content:
        (tmp_path / "shop_tools_with_a_fault.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.TOOL_MODULES = ["shop_tools_with_a_fault"]
    with pytest.raises(
        ImproperlyConfigured, match=f"TOOL_MODULES: 'shop_tools_with_a_fault' cannot be imported: {reason}"
    ):
        tools.load_modules()


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("demo", "BUDGET", "abc"),
        ("demo", "LIVE", "perhaps"),
        ("demo", "SCRIPTS", "none.toml"),
        ("serve", "SCRIPTS", str(ROOT / "pyproject.toml")),
        ("serve", "RECORDINGS", str(ROOT / "README.md")),
        ("demo", "RECORD_TO", "/no/such/folder/a.jsonl"),
        ("serve", "PORT", "70000"),
        ("create_api_key", "TOOL_MODULES", "no_such_tools"),
        ("migrate", "MODEL_CHEAP", "cheapest"),
    ],
)
def test_a_command_ends_with_that_sentence_alone(command, name, value):
    words = [sys.executable, "manage.py", command, *(["--project", "alice"] if command == "create_api_key" else [])]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, name: value}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Configuration: {name}")
    assert done.stderr.count("\n") == 1


def test_a_secret_is_made_once_whole_and_for_its_owner(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "BASE", tmp_path)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    read, start = [], threading.Barrier(8)

    def one_process() -> None:
        start.wait()
        read.append(environment.secret_key("SECRET_KEY"))

    threads = [threading.Thread(target=one_process) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = tmp_path / "var" / "secret_key"
    assert set(read) == {kept.read_text()}
    assert len(kept.read_text()) == 67
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(kept.parent.iterdir()) == [kept]


def test_a_secret_appears_under_its_name_only_when_it_is_whole(monkeypatch, tmp_path):
    """Whoever looks at the moment when the file gets its name finds all of it."""
    monkeypatch.setattr(environment, "BASE", tmp_path)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    seen, link = [], os.link

    def watched(source: str, target: Path) -> None:
        seen.append((target.exists(), len(Path(source).read_text())))
        link(source, target)

    monkeypatch.setattr(os, "link", watched)
    environment.secret_key("SECRET_KEY")
    assert seen == [(False, 67)]


def test_secrets_of_our_own_are_what_the_names_say_and_what_stands_in_addresses(monkeypatch):
    given = {
        "ANTHROPIC_API_KEY": "a key of twenty-two",
        "METRICS_TOKEN": "token-of-the-metrics",
        "A_SHORT_TOKEN": "short",
        "KEY_OF_NOTHING": "a name that does not end so",
        "DATABASE_URL": "postgres://rosa:correct%20horse%20battery@host/db",
        "BROKER_URL": "redis://a-name-twice:a-name-twice@host",
        "SQL_SHOP_URL": "postgresql://shop:the-password-of-the-shop@host/shop",
    }
    monkeypatch.setattr("os.environ", given)
    assert environment.own_secrets("the secret key") == (
        "correct%20horse%20battery",
        "the-password-of-the-shop",
        "correct horse battery",
        "token-of-the-metrics",
        "a key of twenty-two",
        "the secret key",
    )


def test_an_address_that_cannot_be_read_hides_no_secret_and_breaks_nothing(monkeypatch):
    monkeypatch.setattr("os.environ", {"DATABASE_URL": "postgres://[x"})
    assert environment.own_secrets() == ()


def test_what_is_stored_is_its_owners_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "BASE", tmp_path)
    (tmp_path / "var").mkdir(mode=0o755)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    config = environment.database()
    assert modes(tmp_path / "var") == 0o700
    database = sqlite3.connect(config["NAME"], factory=config["OPTIONS"]["factory"])
    database.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);")
    files = sorted((tmp_path / "var").iterdir())
    assert [file.name.rpartition("sqlite3")[2] for file in files] == ["", "-shm", "-wal"]
    assert [modes(file) for file in files] == [0o600] * 3
    database.close()


def test_a_database_that_was_made_otherwise_stays_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shared.sqlite3'}")
    (tmp_path / "shared.sqlite3").touch(0o660)
    (tmp_path / "shared.sqlite3").chmod(0o660)
    config = environment.database()
    sqlite3.connect(config["NAME"], factory=config["OPTIONS"]["factory"]).close()
    assert modes(tmp_path / "shared.sqlite3") == 0o660


def modes(path) -> int:
    return path.stat().st_mode & 0o777
