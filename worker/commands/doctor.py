"""`innkey doctor`: is everything there that Innkey needs, and does it work?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import click
import redis

from worker.alerts import MailError, SmtpMailer, make_mailer
from worker.bootstrap import Innkey, bootstrap
from worker.commands.by_hand import does
from worker.commands.errors import FAILED, MISUSED, Failure
from worker.commands.output import json_option, plain, plural, print_json
from worker.commands.record import completed, redis_line
from worker.configuration_error import ConfigurationError
from worker.domain.house import Lock
from worker.service.account_checks import AccountChecks
from worker.service.by_hand import ByHand
from worker.service.checks import Check, Grade, fail, ok, warn
from worker.service.doctor import clock_check, redis_checks, secret_check, work_checks, zones_check
from worker.service.live_report import LiveReport
from worker.service.live_test import LiveTest
from worker.service.vendor import Vendor
from worker.store.generations import Role

__all__ = ["doctor"]

PATIENCE = timedelta(seconds=30)
LIVE_PATIENCE = timedelta(minutes=2)  # a visit lasts a minute; then the lock is free for a moment


@click.command()
@click.option("--all-locks", is_flag=True, help="Ask the vendor for the list of every lock, not of one each.")
@click.option("--send-mail", is_flag=True, help="Send a test mail to ALERT_EMAIL_TO.")
@click.option("--live", metavar="LOCK", help="Test this lock: set its clock, add a PIN, and take it off.")
@click.option("--yes", is_flag=True, help="Do not ask before each step of --live.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where --live writes what the vendor answered. Default: innkey-live-LOCK-TIME.json, here.",
)
@json_option
def doctor(
    *, all_locks: bool, send_mail: bool, live: str | None, yes: bool, report_file: Path | None, as_json: bool
) -> None:
    """Check all that Innkey needs: configuration, Redis, workers, clocks, the vendor's cloud, mail.

    Reads only, without --send-mail and --live. Exit code 1 if a check fails, 2 for the configuration.
    """
    report = Report(as_json=as_json)
    try:
        innkey = bootstrap(completed(os.environ), role=Role.READER)
    except ConfigurationError as error:
        for problem in error.problems:
            report.add(fail(problem.where, problem.cause, problem.cure))
        report.end(MISUSED)
    lock = _lock(innkey, live)
    if lock is not None and not yes:
        _ask(lock)
    test = _Test(lock, report_file, is_agreed=yes) if lock is not None else None
    try:
        _examine(innkey, report, test, all_locks=all_locks, send_mail=send_mail)
    except KeyboardInterrupt:
        report.show()
        raise
    report.end()


@dataclass
class Report:
    """Prints each check as it is done, or all of them as JSON at the end."""

    as_json: bool
    checks: list[Check] = field(default_factory=list)

    def add(self, check: Check) -> None:
        """One check is done."""
        self.checks.append(check)
        if not self.as_json:
            colour = {Grade.WARN: "yellow", Grade.FAIL: "red"}.get(check.grade)
            click.secho(plain(str(check)), fg=colour)

    def progress(self, line: str) -> None:
        """What is being done just now, on stderr."""
        click.secho(plain(f"      {line} …"), err=True, dim=True)

    def end(self, failed: int = FAILED) -> NoReturn:
        """Sum up, and end the command."""
        self.show()
        has_failed = any(check.grade is Grade.FAIL for check in self.checks)
        click.get_current_context().exit(failed if has_failed else 0)

    def show(self) -> None:
        """The sum of what was checked so far; as JSON the checks too."""
        count = {grade: sum(check.grade is grade for check in self.checks) for grade in Grade}
        if self.as_json:
            print_json({"good": not count[Grade.FAIL], "checks": [asdict(check) for check in self.checks]})
        else:
            click.echo(
                f"{plural(len(self.checks), 'check')}: {count[Grade.FAIL]} failed, "
                f"{plural(count[Grade.WARN], 'warning')}"
            )


def _lock(innkey: Innkey, name: str | None) -> Lock | None:
    if name is None:
        return None
    locks = innkey.house().locks
    if name not in locks:
        known = ", ".join(locks) or "none"
        raise click.BadParameter(
            f"the property file has no lock {name!r} (known: {known})", param_hint="--live"
        )
    return locks[name]


def _ask(lock: Lock) -> None:
    question = f"Set the clock of lock {lock.name} and put a test PIN on it that is taken off again?"
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise click.UsageError("nobody answers here; give --yes to let --live write on the lock") from None
    if not agreed:
        raise Failure(f"lock {lock.name}: nothing was checked and nothing written, as you wished")


def _examine(innkey: Innkey, report: Report, test: _Test | None, *, all_locks: bool, send_mail: bool) -> None:
    report.add(_configuration(innkey))
    try:
        for check in _with_redis(innkey, report, all_locks=all_locks):
            report.add(check)
        if test is not None:
            test.run(innkey, report)
    except redis.RedisError as error:
        cause, _, cure = redis_line(innkey, error).removeprefix("Redis ").partition("; ")
        report.add(fail("Redis", cause, cure))
        cause = "was not asked: places for its calls are counted in Redis"
        report.add(warn("vendor's cloud", cause, "mend Redis first"))
    finally:
        _close(innkey)
    report.add(zones_check(datetime.now(UTC)))
    report.add(_mail(innkey, send_mail=send_mail))


def _configuration(innkey: Innkey) -> Check:
    properties = innkey.configuration.properties
    house = properties.house
    counted = ", ".join(
        plural(len(found), noun)
        for found, noun in (
            (house.units, "unit"),
            (house.locks, "lock"),
            (properties.sources, "source"),
            (house.accounts, "account"),
        )
    )
    return ok("configuration", counted)


def _with_redis(innkey: Innkey, report: Report, *, all_locks: bool) -> Iterator[Check]:
    store, house = innkey.store, innkey.house()
    yield from redis_checks(store.health.server())
    yield clock_check(store)
    now = innkey.clock.heard(store.agenda.now())
    yield secret_check(store, house)
    yield from work_checks(store, house, now)
    report.progress("asking the vendor's cloud")
    yield from AccountChecks(_by_hand(innkey), _vendor(innkey)).run(all_locks=all_locks)


@dataclass(slots=True)
class _Test:
    """The test of one lock, its questions and its report."""

    lock: Lock
    file: Path | None
    is_agreed: bool

    def run(self, innkey: Innkey, report: Report) -> None:
        name = self.lock.name
        live = LiveTest(
            _by_hand(innkey, LIVE_PATIENCE), _vendor(innkey), self.lock, report.progress, self._may
        )
        written, first = LiveReport(name, metadata.version("innkey")), len(report.checks)
        with does(innkey, "doctor.live", name) as act:
            try:
                with written.recording():
                    for check in live.run():
                        report.add(check)
            finally:
                report.add(live.leftovers())
                act.result = f"left on the lock: {live.left.value}"
                checks = [asdict(check) for check in report.checks[first:]]
                report.add(self._kept(written.text(checks), innkey.clock.now()))

    def _may(self, question: str) -> bool:
        if self.is_agreed:
            return True
        try:
            return click.confirm(f"Lock {self.lock.name}: {question}", default=True, err=True)
        except click.Abort:
            return False

    def _kept(self, text: str, now: datetime) -> Check:
        thing = f"lock {self.lock.name}, report"
        path = self.file or Path(f"innkey-live-{self.lock.name}-{now:%Y%m%dT%H%M%SZ}.json")
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            return warn(thing, f"{path}: {error.strerror}", "give another file with --report")
        return ok(thing, f"what the vendor answered is in {path}, without PINs and names")


def _by_hand(innkey: Innkey, patience: timedelta = PATIENCE) -> ByHand:
    return ByHand(innkey.store, innkey.house(), innkey.clock, innkey.hints.locks, patience, goes_first=False)


def _vendor(innkey: Innkey) -> Vendor:
    ring = innkey.key_ring()
    return Vendor(clients=ring.clients, keys=ring, counts=innkey.counts)


def _close(innkey: Innkey) -> None:
    for client in innkey.key_ring().clients.values():
        client.close()
    try:
        innkey.report_counts()
    except redis.RedisError:
        return  # the counters are not worth an error
    finally:
        innkey.store.client.close()


def _mail(innkey: Innkey, *, send_mail: bool) -> Check:
    mailer = make_mailer(innkey.settings)
    if not isinstance(mailer, SmtpMailer):
        return warn("mail", "SMTP_URL is not set: nobody is told of failures", "set it, and ALERT_EMAIL_TO")
    where, to = f"{mailer.server.host}:{mailer.server.port}", ", ".join(mailer.to)
    try:
        if send_mail:
            mailer.send("Innkey: a test", "This is the test mail of `innkey doctor`. Nothing is wrong.")
            return ok("mail", f"{where} took a test mail for {to}; see that it arrives")
        mailer.greet()
    except MailError as error:
        return fail("mail", str(error), "correct SMTP_URL, or see to the mail server")
    return ok("mail", f"{where} is ready to take mail; none was sent")
