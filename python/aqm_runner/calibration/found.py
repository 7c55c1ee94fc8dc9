"""What a source of samples yields, and the errors that name the place in it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from aqm_runner.calibration.same_caption import caption_key
from aqm_runner.runner.failures import RunnerError, gate_failed

SHOWN = 120
# An id is a whole number of 63 bits: as many of a digest are taken.
BYTES_OF_AN_ID = 8


@dataclass(frozen=True)
class Found:
    """A sample of a source.

    Attributes:
        where: Its place, "texts.txt:3" or "data/train.parquet:3": file and line, or row, from 1.
        text: The text, or the JSON of chat messages as `messages.py` writes it.
        image: Path of its image relative to the source's folder; None: it has none.
        image_digest: SHA-256 of the image's bytes; None: it has none.
    """

    where: str
    text: str
    image: str | None = None
    image_digest: bytes | None = None

    @cached_property
    def text_digest(self) -> bytes:
        """SHA-256 of what two texts have in common that differ in case or white space alone."""
        return hashlib.sha256(caption_key(self.text).encode()).digest()

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the sample: the same wherever in a source, or in which kind, it stands."""
        return hashlib.sha256(self.text_digest + (self.image_digest or b"")).digest()

    @property
    def number(self) -> int:
        """An id of the image, else of the text, which is the same for the same content."""
        return int.from_bytes((self.image_digest or self.text_digest)[:BYTES_OF_AN_ID], "big") >> 1


def shown(value: object) -> str:
    """Returns a value for a message, cut where it is long."""
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def unreadable(file: str, where: str, problem: str, next_step: str) -> RunnerError:
    """Returns the failure of the gate `unreadable_sample`.

    Args:
        file: Workspace-relative name of the file at fault.
        where: "line 3", "row 3" or nothing where the whole file is meant.
        problem: A clause that begins with its verb.
        next_step: What a person can do.
    """
    subject = f"{where[:1].upper()}{where[1:]} of {file}" if where else file
    return gate_failed("unreadable_sample", f"{subject} {problem}.", file=file, next_step=next_step)


def checked_text(value: object, file: str, where: str, what: str) -> str:
    """Returns text as it is.

    Args:
        value: What the source has there.
        file: Workspace-relative name of the file.
        where: As of `unreadable`.
        what: "its field text", for the message.

    Raises:
        RunnerError: gate_failed `unreadable_sample` where it is no text, or half of a character.
    """
    if not isinstance(value, str):
        raise unreadable(
            file,
            where,
            f"has {shown(value)} as {what}, where text is needed",
            "Correct it, or name the field that has the text in the config in conf/dataset/.",
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise unreadable(
            file,
            where,
            f"has half of a character ({shown(value[error.start])}) in {what}",
            "Write the file in UTF-8 again; a pair of \\u escapes was cut in two.",
        ) from error
    return value
