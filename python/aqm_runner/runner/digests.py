"""Digests of files and folders.

A file's digest is the SHA-256 of its bytes. A folder's digest is the SHA-256 of the UTF-8 of
the canonical JSON (RFC 8785) of the list of [relative POSIX path, file digest] pairs, sorted by
the UTF-16 code units of the path, as RFC 8785 sorts keys and JavaScript compares strings.
"""

import hashlib
import json
from pathlib import Path

CHUNK = 1 << 20


def digest_file(path: Path) -> tuple[str, int]:
    """Returns ("sha256:<hex>", size in bytes) of a file's content."""
    hasher = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
            size += len(chunk)
    return f"sha256:{hasher.hexdigest()}", size


def digest_folder(path: Path) -> tuple[str, int]:
    """Returns ("sha256:<hex>", total size in bytes) of all files below a folder."""
    files = [file for file in path.rglob("*") if file.is_file()]
    pairs = []
    total = 0
    for file in files:
        digest, size = digest_file(file)
        pairs.append([file.relative_to(path).as_posix(), digest])
        total += size
    pairs.sort(key=lambda pair: pair[0].encode("utf-16-be"))
    # json.dumps escapes strings as RFC 8785 does once ensure_ascii is off; there are no numbers.
    canonical = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}", total


def digest_place(path: Path, kind: str) -> tuple[str, int]:
    """Returns ("sha256:<hex>", size in bytes) of a file or folder, as `kind` says."""
    return digest_file(path) if kind == "file" else digest_folder(path)
