"""Mails to the operations inbox over SMTP, and further channels."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol

import structlog

from worker.secret import Secret
from worker.setting_values import SmtpServer
from worker.settings import Settings

TIMEOUT = 20.0

log = structlog.get_logger(__name__)


class MailError(Exception):
    """The mail server was not to be reached, or did not take the mail."""


class Mailer(Protocol):
    """Sends one mail; raises MailError where that failed."""

    def send(self, subject: str, text: str) -> None:
        """Send one mail."""


class NoMailer:
    """Without SMTP_URL nothing is mailed; letters are still listed and logged."""

    def send(self, subject: str, text: str) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """Sends over SMTP, with TLS as SMTP_URL says."""

    server: SmtpServer
    sender: str
    to: tuple[str, ...]

    def send(self, subject: str, text: str) -> None:
        """Send one mail to all of ALERT_EMAIL_TO. Raises MailError."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, self.sender, ", ".join(self.to)
        message["Date"], message["Message-ID"] = (
            formatdate(localtime=False),
            make_msgid(domain="innkey.invalid"),
        )
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            self._deliver(message)
        except (OSError, smtplib.SMTPException) as error:
            where, what = f"{self.server.host}:{self.server.port}", type(error).__name__
            msg = f"the mail server {where} did not take the mail ({what})"
            raise MailError(msg) from None

    def greet(self) -> None:
        """Connect and log in as for a mail, and send none. Raises MailError."""
        try:
            with self._session() as smtp:
                smtp.noop()
        except (OSError, smtplib.SMTPException) as error:
            # The server's own words may repeat the user; its number does not.
            number = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
            msg = f"{self.server.host}:{self.server.port} ({type(error).__name__}{number})"
            raise MailError(msg) from None

    def _deliver(self, message: EmailMessage) -> None:
        with self._session() as smtp:
            smtp.send_message(message)

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A connection that is ready to take mail."""
        server, context = self.server, ssl.create_default_context()
        with self._connect(context) as smtp:
            smtp.ehlo()
            if server.starttls:
                smtp.starttls(context=context)
            if server.username is not None and server.password is not None:
                smtp.login(server.username, server.password.reveal())
            yield smtp

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        if self.server.tls:
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        return smtplib.SMTP(host, port, timeout=TIMEOUT)


@dataclass(frozen=True, slots=True)
class Channels:
    """Further channels (ALERT_URLS), by Apprise. Beside an inbox they are extras: what it took is told."""

    urls: tuple[Secret, ...]
    inbox: Mailer | None = None

    def send(self, subject: str, text: str) -> None:
        """Tell the inbox and each channel. Raises MailError where the inbox, or without one all, failed."""
        if self.inbox is not None:
            self.inbox.send(subject, text)
        failed = [number for number, url in enumerate(self.urls, 1) if not _notified(url, subject, text)]
        if failed:
            log.error("alert.channels_failed", channels=failed, of=len(self.urls))
        if self.inbox is None and len(failed) == len(self.urls):
            raise MailError("none of ALERT_URLS took the alert")


def _notified(url: Secret, subject: str, text: str) -> bool:
    import apprise  # noqa: PLC0415 - an optional extra

    # Its log names hosts and answers, and an answer may repeat a key of the address.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    channel = apprise.Apprise()
    return bool(channel.add(url.reveal()) and channel.notify(title=subject, body=text))


def make_mailer(settings: Settings) -> Mailer:
    """The mailer of these settings."""
    inbox = None
    if settings.smtp is not None and settings.alert_email_from is not None:
        inbox = SmtpMailer(settings.smtp, settings.alert_email_from, settings.alert_email_to)
    if settings.alert_urls:
        return Channels(settings.alert_urls, inbox)
    return inbox or NoMailer()
