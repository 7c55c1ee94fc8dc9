"""Writing calibration samples: a database and a text whose bytes depend on the rows alone."""

import contextlib
import sqlite3
from dataclasses import astuple, dataclass
from pathlib import Path

from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

SCHEMA = (
    """CREATE TABLE vlm_calib_samples (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    split TEXT NOT NULL,
    image_relpath TEXT NOT NULL,
    image_id INTEGER NOT NULL,
    caption_id INTEGER NOT NULL,
    caption TEXT NOT NULL
)""",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

# Options that a build of SQLite may preset otherwise and that show in the file's bytes.
PRAGMAS = (
    "page_size = 4096",
    "encoding = 'UTF-8'",
    "auto_vacuum = NONE",
    "journal_mode = OFF",
    "secure_delete = ON",
)

# Offsets in the database header (SQLite file format, section 1.3). The library compares the two
# counters to decide whether the header's page count can be trusted; it only reports the version.
CHANGE_COUNTER = slice(24, 28)
VERSION_VALID_FOR = slice(92, 96)
LIBRARY_VERSION = slice(96, 100)
COUNTER = (1).to_bytes(4, "big")
VERSION = (3_000_000).to_bytes(4, "big")


@dataclass(frozen=True)
class SampleRow:
    """One caption and its image, whose path is relative to the images' root.

    Of data without images, `image_relpath` says where the text stands in it: "texts.txt:3".
    """

    split: str
    image_relpath: str
    image_id: int
    caption_id: int
    caption: str


def write_samples(
    outputs: dict[str, Place], rows: list[SampleRow], meta: dict[str, str], source: Place
) -> None:
    """Writes the outputs `database` and `captions`; `num_samples` in the meta table is counted.

    The text has one caption a line, its newlines made spaces, then trimmed. Raises gate_failed
    `empty_caption`, which names `source`, if that leaves nothing of a caption.
    """
    lines = [row.caption.replace("\n", " ").strip() for row in rows]
    if "" in lines:
        raise gate_failed(
            "empty_caption",
            f"Caption {rows[lines.index('')].caption_id} of the sample is blank, so the text file "
            "would have fewer samples than the database.",
            file=source.name,
            next_step="Remove blank captions from the annotation files.",
        )
    counted = {
        key: str(len(rows)) if key == "num_samples" else value for key, value in meta.items()
    }
    write_database(outputs["database"].create(), rows, counted)
    text = "".join(f"{line}\n" for line in lines)
    outputs["captions"].create().write_bytes(text.encode())


def write_database(path: Path, rows: list[SampleRow], meta: dict[str, str]) -> None:
    """Writes a new database at a path where nothing is yet."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO vlm_calib_samples"
            " (split, image_relpath, image_id, caption_id, caption) VALUES (?, ?, ?, ?, ?)",
            [astuple(row) for row in rows],
        )
        connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        connection.execute("COMMIT")
    data = bytearray(path.read_bytes())
    data[CHANGE_COUNTER] = COUNTER
    data[VERSION_VALID_FOR] = COUNTER
    data[LIBRARY_VERSION] = VERSION
    path.write_bytes(data)
