"""Which e-mail addresses the vendor may be given: one rule for the plan and for the client."""

from __future__ import annotations

import re

LENGTH = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")


def is_mailable(address: str) -> bool:
    """Whether the address is of the usual form, in ASCII (the KAS API document: "email format only").

    A guest whose address is not gets the PIN on the doors all the same, without the vendor's e-mail.
    """
    return len(address) <= LENGTH and _ADDRESS.fullmatch(address) is not None
