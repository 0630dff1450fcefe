"""The environment variables: defaults, ranges, files, and every problem told at once, free of secrets."""

from __future__ import annotations

import base64
import copy
import os
import pickle
from pathlib import Path

import pytest

from worker.configuration_error import ConfigurationError, Problem
from worker.secret import Secret
from worker.settings import Settings, load_settings

CANARY = "canary-7f3a91"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()  # the same in each process of the suite


def problems(**environ: str) -> dict[str, Problem]:
    """What is wrong with these variables, by variable."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    found = {problem.where: problem for problem in caught.value.problems}
    assert len(caught.value.problems) == len(found)
    return found


def test_nothing_set_gives_the_documented_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty environment is a good one: everything has its default or is off."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    settings = load_settings({})

    assert (
        Settings(
            port=8000,
            web_concurrency=2,
            worker_threads=30,
            redis_url=None,
            broker_url=None,
            data=Path("./data"),
            properties=Path("properties.toml"),
            secret_keys=(),
            api_tokens=(),
            console_password=None,
            base_url="http://localhost:8000",
            kas_base_url="https://cloud.kas.com.au/api",
            kas_api_key=None,
            kas_email=None,
            kas_password=None,
            kas_key_url="https://cloud.kas.com.au/api/users/apikey",
            smtp=None,
            alert_email_to=(),
            alert_email_from=None,
            alert_urls=(),
            log_format="json",
            log_level="INFO",
        )
        == settings
    )


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the process's own variables count."""
    monkeypatch.setenv("PORT", "8123")

    assert 8123 == load_settings().port
    assert 8123 == load_settings(os.environ).port


def test_every_value_given_arrives() -> None:
    """Values reach their fields, lists are split, addresses lose the slash at their end."""
    settings = load_settings(
        {
            "PORT": "0",
            "REDIS_URL": "rediss://:pw@redis.example.com:6380/1",
            "BROKER_URL": "amqps://u:p@mq.example.com",
            "INNKEY_SECRET_KEY": f"{KEY}, {KEY}",
            "INNKEY_API_TOKEN": "one,two",
            "INNKEY_CONSOLE_PASSWORD": "$argon2id$v=19$m=65536,t=3,p=4$abc",
            "INNKEY_BASE_URL": "https://innkey.example.com/",
            "KAS_BASE_URL": "http://127.0.0.1:9/api/",
            "SMTP_URL": "smtp://us%40er:p%25w@mail.example.com?starttls=1",
            "ALERT_EMAIL_TO": "ops@example.com, night@example.com",
            "ALERT_URLS": "ntfy://topic,json://host/?a=1,2 slack://x",
            "LOG_FORMAT": "Console",
            "LOG_LEVEL": "debug",
        }
    )

    assert 0 == settings.port
    assert Secret("rediss://:pw@redis.example.com:6380/1") == settings.redis_url
    assert Secret("amqps://u:p@mq.example.com") == settings.broker_url
    assert (Secret(KEY), Secret(KEY)) == settings.secret_keys
    assert (Secret("one"), Secret("two")) == settings.api_tokens
    assert Secret("$argon2id$v=19$m=65536,t=3,p=4$abc") == settings.console_password
    assert "https://innkey.example.com" == settings.base_url
    assert "http://127.0.0.1:9/api" == settings.kas_base_url
    assert "http://127.0.0.1:9/api/users/apikey" == settings.kas_key_url
    assert settings.smtp is not None
    assert ("mail.example.com", 587) == (settings.smtp.host, settings.smtp.port)
    assert ("us@er", Secret("p%w")) == (settings.smtp.username, settings.smtp.password)
    assert (False, True) == (settings.smtp.tls, settings.smtp.starttls)
    assert ("ops@example.com", "night@example.com") == settings.alert_email_to
    assert "ops@example.com" == settings.alert_email_from
    assert (Secret("ntfy://topic"), Secret("json://host/?a=1,2"), Secret("slack://x")) == settings.alert_urls
    assert ("console", "DEBUG") == (settings.log_format, settings.log_level)


def test_the_broker_is_redis_unless_said_otherwise() -> None:
    """BROKER_URL defaults to REDIS_URL."""
    settings = load_settings({"REDIS_URL": "redis://localhost", "INNKEY_SECRET_KEY": KEY})

    assert Secret("redis://localhost") == settings.broker_url


@pytest.mark.parametrize(
    ("url", "port", "tls", "starttls"),
    [
        ("smtp://mail", 25, False, False),
        ("smtp://mail:2525?starttls=0", 2525, False, False),
        ("smtp://mail?starttls=true", 587, False, True),
        ("smtps://mail", 465, True, False),
    ],
)
def test_smtp_ports_and_encryption(url: str, port: int, tls: bool, starttls: bool) -> None:  # noqa: FBT001
    """Ports default to those of the kind of encryption."""
    smtp = load_settings({"SMTP_URL": url, "ALERT_EMAIL_TO": "ops@example.com"}).smtp

    assert smtp is not None
    assert (port, tls, starttls) == (smtp.port, smtp.tls, smtp.starttls)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "80 80"),
        ("PORT", "٣"),
        ("PORT", "9" * 5000),
        ("WEB_CONCURRENCY", "0"),
        ("WORKER_THREADS", "many"),
        ("WORKER_THREADS", "0"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "amqp://localhost"),
        ("REDIS_URL", "redis://:6379"),
        ("REDIS_URL", "redis://host:port"),
        ("REDIS_URL", "redis://[::1"),
        ("REDIS_URL", "unix://"),
        ("BROKER_URL", "localhost:5672"),
        ("INNKEY_SECRET_KEY", "short"),
        ("INNKEY_SECRET_KEY", f"{KEY},"),
        ("INNKEY_API_TOKEN", "good,,good"),
        ("INNKEY_API_TOKEN", "with space"),
        ("INNKEY_BASE_URL", "innkey.example.com"),
        ("KAS_BASE_URL", "ftp://cloud.example.com/api"),
        ("KAS_BASE_URL", "https://user:pass@cloud.example.com/api"),
        ("KAS_BASE_URL", "https://cloud.example.com/api?x=1"),
        ("KAS_KEY_URL", "https://"),
        ("SMTP_URL", "http://mail"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://user@mail"),
        ("SMTP_URL", "smtp://mail?starttls=maybe"),
        ("SMTP_URL", "smtp://mail?timeout=3"),
        ("SMTP_URL", "smtps://mail?starttls=1"),
        ("ALERT_EMAIL_TO", "ops"),
        ("ALERT_EMAIL_TO", "ops@example.com,,b@example.com"),
        ("ALERT_EMAIL_FROM", "Innkey <innkey>"),
        ("ALERT_EMAIL_FROM", "a@example.com\nBcc: b@example.com"),
        ("ALERT_URLS", "not a url"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_value_is_named_by_its_variable(name: str, value: str) -> None:
    """A value out of its range or form is one problem with a cause and a cure, on one line."""
    others = {"INNKEY_SECRET_KEY": KEY, "ALERT_EMAIL_TO": "ops@example.com"}
    found = problems(**{**others, name: value})

    assert [name] == list(found)
    assert found[name].cause
    assert found[name].cure
    assert "\n" not in str(found[name])


def test_all_problems_are_told_together() -> None:
    """The error's text has one line for each problem, each beginning with its variable."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"PORT": "x", "LOG_LEVEL": "x", "REDIS_URL": "x", "KAS_EMAIL": "a@example.com"})

    named = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert ["PORT", "REDIS_URL", "LOG_LEVEL", "INNKEY_SECRET_KEY", "KAS_PASSWORD"] == named


def test_faulty_fernet_keys_are_named_by_position() -> None:
    """Of several keys the message says which are at fault, and shows none."""
    found = problems(INNKEY_SECRET_KEY=f"{KEY},{CANARY},{KEY},ünicode")

    assert "keys 2, 4 of 4" in found["INNKEY_SECRET_KEY"].cause
    assert CANARY not in str(found)
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"REDIS_URL": "redis://localhost"}, "INNKEY_SECRET_KEY"),
        ({"KAS_EMAIL": "a@example.com"}, "KAS_PASSWORD"),
        ({"KAS_PASSWORD": "x"}, "KAS_EMAIL"),
        ({"SMTP_URL": "smtp://mail"}, "ALERT_EMAIL_TO"),
    ],
)
def test_what_one_variable_needs_of_another(given: dict[str, str], missing: str) -> None:
    """A variable that another one asks for is a problem of its own name."""
    assert [missing] == list(problems(**given))


def test_the_log_is_for_people_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without LOG_FORMAT, a terminal gets `console` and everything else `json`."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "console" == load_settings({}).log_format

    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert "json" == load_settings({}).log_format


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    """NAME_FILE names a file with the value; the line break at its end does not count, blanks do."""
    file = tmp_path / "password"
    file.write_text(" pass word \n", encoding="utf-8")

    settings = load_settings({"INNKEY_CONSOLE_PASSWORD_FILE": str(file)})

    assert Secret(" pass word ") == settings.console_password


def test_an_empty_variable_or_file_counts_as_unset(tmp_path: Path) -> None:
    """`NAME=` in a .env file means nothing, and neither does an empty file."""
    file = tmp_path / "empty"
    file.write_text("\n", encoding="utf-8")

    settings = load_settings({"PORT": "", "LOG_LEVEL_FILE": "", "KAS_API_KEY_FILE": str(file)})

    assert (8000, "INFO", None) == (settings.port, settings.log_level, settings.kas_api_key)


def test_both_ways_at_once_are_a_problem(tmp_path: Path) -> None:
    """NAME and NAME_FILE together leave open which counts."""
    file = tmp_path / "key"
    file.write_text(CANARY, encoding="utf-8")

    found = problems(KAS_API_KEY=CANARY, KAS_API_KEY_FILE=str(file))

    assert "given twice" in found["KAS_API_KEY"].cause
    assert CANARY not in str(found)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """A missing file, a folder and a file that is no text are named by their variable."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")

    found = problems(
        PORT_FILE=str(tmp_path / "missing"), LOG_LEVEL_FILE=str(tmp_path), KAS_API_KEY_FILE=str(binary)
    )

    assert {"PORT", "LOG_LEVEL", "KAS_API_KEY"} == set(found)
    assert "PORT_FILE" in found["PORT"].cause


def test_no_problem_shows_a_secret() -> None:
    """Promise 9: whatever is wrong, the values of variables that may hold a secret are not in the message."""
    names = ("REDIS_URL", "BROKER_URL", "INNKEY_SECRET_KEY", "KAS_BASE_URL", "SMTP_URL", "ALERT_URLS")
    values = dict.fromkeys(names, f"nonsense://user:{CANARY}@") | {"INNKEY_API_TOKEN": f"{CANARY} x"}

    with pytest.raises(ConfigurationError) as caught:
        load_settings({**values, "KAS_PASSWORD": CANARY})

    assert len(caught.value.problems) >= len(names)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value.problems)


def test_settings_do_not_show_their_secrets() -> None:
    """Promise 9: the text of the settings, as a log or a traceback would have it, is free of secrets."""
    names = ("INNKEY_CONSOLE_PASSWORD", "INNKEY_API_TOKEN", "KAS_API_KEY", "KAS_PASSWORD")
    settings = load_settings(
        {
            **dict.fromkeys(names, CANARY),
            "KAS_EMAIL": "a@example.com",
            "REDIS_URL": f"redis://:{CANARY}@localhost",
            "INNKEY_SECRET_KEY": KEY,
            "SMTP_URL": f"smtp://user:{CANARY}@mail",
            "ALERT_EMAIL_TO": "ops@example.com",
            "ALERT_URLS": f"ntfy://{CANARY}",
        }
    )

    assert CANARY not in repr(settings)
    assert KEY not in repr(settings)


def test_a_secret_shows_itself_only_when_asked() -> None:
    """Promise 9: text and copies are masked, pickling is refused; `reveal` gives the value."""
    secret = Secret(CANARY)

    assert CANARY == secret.reveal()
    assert CANARY not in f"{secret} {secret!r} {[secret]}"
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_secrets_compare_by_value() -> None:
    """Equal values are equal secrets with equal hashes; a plain text is never equal to one."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\udcff") == Secret("\udcff")
