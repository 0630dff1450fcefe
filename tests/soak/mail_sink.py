"""The operations inbox as a process of the campaign: each mail is a file.

`python -m tests.soak.mail_sink PORT FOLDER` serves until it is killed.
"""

from __future__ import annotations

import signal
import sys
import time
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

__all__ = ["Mail", "read_mails"]


class _Sink:
    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one mail."""
        del server, session
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        self._count += 1
        part = self._folder / f"{time.time_ns()}-{self._count}.part"
        part.write_bytes(raw)
        part.rename(part.with_suffix(".eml"))
        return "250 OK"


Mail = tuple[str, str]


def read_mails(folder: Path) -> list[Mail]:
    """Subject and text of every mail, the oldest first."""
    mails = (BytesParser().parsebytes(path.read_bytes()) for path in sorted(folder.glob("*.eml")))
    return [(str(mail["Subject"]), _text(mail)) for mail in mails]


def _text(mail: Message) -> str:
    payload = mail.get_payload(decode=True)
    return payload.decode(errors="replace") if isinstance(payload, bytes) else str(mail.get_payload())


def main(port: int, folder: Path) -> None:
    """Serve until a signal ends the process."""
    folder.mkdir(parents=True, exist_ok=True)
    controller = Controller(_Sink(folder), hostname="127.0.0.1", port=port)
    controller.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
