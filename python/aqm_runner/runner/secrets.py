"""What nobody may read in a log, an event or a record: credentials in texts.

`src/model/secrets.ts` is the same in TypeScript; both are held to the same table of texts.
"""

import os
import re
from typing import Any, TextIO

HIDDEN = "***"
# Variables of the environment whose values are credentials, by their names.
NAMED = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL", re.IGNORECASE)
# A shorter value is part of too many words.
LEAST = 8

# Forms that credentials have wherever they come from; group 1 stays.
FORMS = [
    # Before the host of an address: a user name, with or without a password.
    re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"\\]*(?=@)"),
    re.compile(r"(\bauthorization[\\'\"]*\s*[:=]\s*[\\'\"]*(?:[a-z]+\s+)?)[^\s'\"\\,;]+", re.I),
    re.compile(r"(\bbearer\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}", re.I),
    re.compile(r"([?&][\w.-]*(?:token|signature|secret|passw\w*|api_?key|credential)=)"
               r"[^&\s'\"#\\]+", re.I),
    re.compile(r"(\bhf_)[A-Za-z0-9]{16,}"),
]  # fmt: skip


def without_secrets(text: str) -> str:
    """Returns a text with `***` in the place of each credential.

    Those are the values of this process's variables that are called like one, user names and
    passwords in addresses, what follows `Authorization` and `Bearer`, signatures and
    tokens in the query of an address, and tokens of the Hugging Face hub.
    """
    for name, value in os.environ.items():
        if len(value) >= LEAST and NAMED.search(name):
            text = text.replace(value, HIDDEN)
    for form in FORMS:
        text = form.sub(rf"\g<1>{HIDDEN}", text)
    return text


class Discreet:
    """A text stream that writes what it is given without credentials."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text; returns how many characters it was given."""
        self._stream.write(without_secrets(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Writes all lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
