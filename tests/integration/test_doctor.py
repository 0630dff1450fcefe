"""`innkey doctor` as a person runs it: a real Redis and mail server, the sandbox as the vendor's cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from tests.cli_kit import stand_in
from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.cli import cli
from worker.kas.sandbox import DEFAULT_KEY
from worker.processes.embedded_redis import free_port
from worker.service.by_hand import ByHand
from worker.store import keys
from worker.store.events import RejectedEvent

PASSWORD = "canary-mail-password"


@contextmanager
def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Iterator[Engine]:
    """An engine, its environment, and a worker that was just seen; no broker beside Redis is needed."""
    stand_in(folder, monkeypatch)
    with engine(folder, fsync="always", **more) as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        made.innkey.store.health.seen("a-worker", made.innkey.store.agenda.now())
        yield made


@pytest.fixture
def inn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on a server that keeps every write."""
    with prepared(tmp_path, monkeypatch) as made:
        yield made


def run(*args: str, given: str | None = None) -> Result:
    """Run `innkey doctor` in this process."""
    return CliRunner().invoke(cli, ["doctor", *args], input=given)


def checks(*args: str, code: int = 0) -> dict[str, tuple[str, str]]:
    """Grade and cause by thing, as a program gets them; the exit code is checked."""
    result = run("--json", *args)
    assert code == result.exit_code, result.output
    told = json.loads(result.stdout)
    assert (code == 0) is told["good"]
    return {one["thing"]: (one["grade"], one["cause"]) for one in told["checks"]}


class TestReport:
    """What is told, and how it ends."""

    def test_good(self, inn: Engine) -> None:
        """Every line ok but for the mail, which is not set up; exit code 0, one call to the vendor."""
        result = run()
        lines = result.stdout.splitlines()
        assert 0 == result.exit_code
        assert lines[-1].endswith("0 failed, 1 warning")
        assert [
            "warn  mail: SMTP_URL is not set: nobody is told of failures; set it, and ALERT_EMAIL_TO"
        ] == [line for line in lines[:-1] if not line.startswith("ok ")]
        assert any("its key is good; lock SS000001 lists 0 PINs" in line for line in lines)
        assert ["list"] == [call["op"] for call in inn.calls()]
        assert DEFAULT_KEY not in result.output

    def test_every_lock(self, inn: Engine) -> None:
        """With --all-locks each one is asked for its list."""
        run("--all-locks")
        assert [GATE, DOOR] == [call["lock"] for call in inn.calls("list")]

    def test_configuration(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """A faulty one is told problem by problem; nothing else is looked at; exit code 2."""
        monkeypatch.setenv("SMTP_URL", "http://x")
        monkeypatch.setenv("PORT", "x")
        found = checks(code=2)
        assert {"SMTP_URL", "PORT"} <= set(found)
        assert [] == inn.calls()

    def test_redis_away(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Told without its password; the vendor is not asked, since nothing counts the calls."""
        monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{free_port()}/0")
        result = run()
        assert 1 == result.exit_code
        assert "FAIL  Redis: at 127.0.0.1:" in result.stdout
        assert "(Connection refused); start it, or correct REDIS_URL" in result.stdout
        assert "warn  vendor's cloud: was not asked" in result.stdout
        assert "hunter2" not in result.output
        assert [] == inn.calls()


class TestRecord:
    """The record and who works on it."""

    def test_secret_key(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that did not write the records is told, for stays and events alike."""
        inn.book("BK-1")
        inn.settle()
        inn.send("BK-2", unit="house")
        assert "ok" == checks()["INNKEY_SECRET_KEY"][0]
        monkeypatch.setenv("INNKEY_SECRET_KEY", Fernet.generate_key().decode())
        assert ("FAIL", "decrypts 0 of 3 records") == checks(code=1)["INNKEY_SECRET_KEY"]

    def test_nobody_works(self, inn: Engine) -> None:
        """No worker fails; work that waits, letters and kept deliveries warn."""
        client, now = inn.innkey.store.client, inn.innkey.store.agenda.now()
        client.delete(keys.WORKERS)
        client.zadd(keys.DUE, {GATE: int((now - timedelta(minutes=5)).timestamp() * 1000)})
        client.zadd(keys.OPEN_LETTERS, {"L1": 1})
        kept = RejectedEvent(
            id="R1", source="direct", received=now, content_type="", errors={}, body=b"x", replayed=None
        )
        inn.innkey.store.events.keep_rejected(kept)
        found = checks(code=1)
        assert ["FAIL", "warn", "warn", "warn"] == [
            found[thing][0] for thing in ("workers", "work", "dead letters", "rejected events")
        ]
        inn.innkey.store.events.change_rejected(replace(kept, replayed=now))
        assert "rejected events" not in checks(code=1)

    def test_server_that_forgets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`appendfsync everysec` is a warning, as CONFIG SET of another policy is."""
        stand_in(tmp_path, monkeypatch)
        with engine(tmp_path) as made:
            for name, value in made.environ.items():
                monkeypatch.setenv(name, value)
            found = checks(code=1)
        assert ("warn", "appendfsync is everysec") == found["Redis durability"]
        assert "FAIL" == found["workers"][0]


class TestAccounts:
    """One read-only list for each account, in a place of its window (promise 4)."""

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ({"kind": "text", "text": "Invalid Token."}, "invalid_token"),
            ({"kind": "text", "text": "You are not the admin."}, "not_admin"),
            ({"kind": "status", "status": 504}, "doubt"),
            ({"kind": "throttle", "seconds": 9}, "throttled"),
        ],
    )
    def test_refused(self, inn: Engine, fault: dict[str, Any], words: str) -> None:
        """What the vendor answers is told. The account is not paused: this shell may have another key."""
        inn.vendor.add_fault(op="list", **fault)
        grade, cause = checks(code=1)["account default"]
        assert "FAIL" == grade
        assert f"the list of lock {GATE}: {words}" in cause
        assert inn.innkey.store.agenda.pause_letter("default") is None
        assert 0 == inn.innkey.store.client.zcard(keys.window("default"))

    def test_paused(self, inn: Engine) -> None:
        """An account that the workers have paused is told with its letter."""
        inn.innkey.store.client.set(keys.paused("default"), "L1")
        result = run()
        assert 1 == result.exit_code
        assert "FAIL  account default: is paused: the vendor refuses its key" in result.stdout
        assert "innkey dead-letters show L1" in result.stdout

    def test_full_window(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 4: without a free place nothing is sent."""
        monkeypatch.setattr(ByHand, "_taken", impatient(ByHand._taken))
        later = int(datetime.now(UTC).timestamp() * 1000) + 600_000
        inn.innkey.store.client.zadd(keys.window("default"), {f"ghost#{n}": later for n in range(26)})
        grade, cause = checks()["account default"]
        assert ("warn", "the vendor was not asked: all 26 places for calls of the account are taken") == (
            grade,
            cause,
        )
        assert [] == inn.calls()

    def test_no_answer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 4: a call that was never answered keeps its place."""
        with prepared(tmp_path, monkeypatch, account='call_timeout = "1s"\nvendor_hold = "60s"') as inn:
            inn.vendor.add_fault("hang", op="list")
            assert "FAIL" == checks(code=1)["account default"][0]
            assert 1 == inn.innkey.store.client.zcard(keys.window("default"))

    def test_login(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An account with a login and no key yet gets one, as from a worker's first visit."""
        login = {"KAS_API_KEY": "", "KAS_EMAIL": "a@example.com", "KAS_PASSWORD": PASSWORD}
        stage = {"logins": {"default": ("a@example.com", PASSWORD)}, "accounts": {}}
        with prepared(tmp_path, monkeypatch, environ=login, stage=stage) as inn:
            result = run()
            assert 0 == result.exit_code, result.output
            assert "account default: its key is good" in result.stdout
            assert PASSWORD not in result.output
            assert ["key", "list"] == [call["op"] for call in inn.calls()]


def impatient(taken: Any) -> Any:
    """Wait for no place."""

    def now(self: ByHand, *args: Any) -> Any:
        self.patience = timedelta(0)
        return taken(self, *args)

    return now


class MailServer:
    """A mail server that knows one login and keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=self.log_in,
            auth_require_tls=False,
        )
        self.url = f"smtp://user:{PASSWORD}@127.0.0.1:{self.controller.port}"

    def log_in(self, _server: Any, _session: Any, _envelope: Any, _how: str, login: Any) -> AuthResult:
        """Whether the password is the right one."""
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a mail."""
        self.mails.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mail(inn: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A running mail server that the environment names."""
    server = MailServer()
    server.controller.start()
    monkeypatch.setenv("SMTP_URL", server.url)
    monkeypatch.setenv("ALERT_EMAIL_TO", "ops@example.com")
    yield server
    server.controller.stop()


class TestMail:
    """Connected to and logged in; a mail only on request."""

    def test_ready(self, mail: MailServer) -> None:
        """Good, and nothing was sent."""
        assert ("ok", f"127.0.0.1:{mail.controller.port} is ready to take mail; none was sent") == checks()[
            "mail"
        ]
        assert [] == mail.mails

    def test_sent(self, mail: MailServer) -> None:
        """With --send-mail one arrives."""
        assert "ok" == checks("--send-mail")["mail"][0]
        assert 1 == len(mail.mails)
        assert b"Innkey: a test" in mail.mails[0]

    def test_wrong_password(self, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Told with the server's number, without the password."""
        monkeypatch.setenv("SMTP_URL", mail.url.replace(PASSWORD, "canary-wrong"))
        result = run()
        assert 1 == result.exit_code
        assert "SMTPAuthenticationError 535" in result.stdout
        assert "canary-wrong" not in result.output

    def test_away(self, mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """No server, or one that offers no STARTTLS though it is asked for."""
        port = free_port()
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        assert ("FAIL", f"127.0.0.1:{port} (ConnectionRefusedError)") == checks(code=1)["mail"]
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{mail.controller.port}?starttls=1")
        assert "SMTPNotSupportedError" in checks(code=1)["mail"][1]
