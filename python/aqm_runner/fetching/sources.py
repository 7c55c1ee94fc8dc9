"""Where files come from: a base URL, or a local folder with the same layout."""

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from aqm_runner.fetching.addresses import checked, shown
from aqm_runner.fetching.downloads import Downloads, Pin, Tell, tell_nobody
from aqm_runner.runner.digests import digest_file
from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.inside import inside

ANY = Pin()


class Source:
    """Files below a base.

    Args:
        base: `http:`, `https:` or `file:` URL, or an absolute path.
        downloads: Where what comes over the network is kept.
    """

    def __init__(self, base: str, downloads: Downloads) -> None:
        self._base = base.rstrip("/")
        self._downloads = downloads
        self._folder: Path | None = None
        if base.startswith("/"):
            self._folder = Path(base)
        elif base.startswith(("file:///", "file://localhost/")):
            self._folder = Path(unquote(urlsplit(base).path))
        elif re.match(r"https?://[^/]", base):
            checked(base)
        else:
            raise bad_request(
                "unknown_source",
                f"{shown(base)} is no source that aqm can fetch from.",
                next_step="Use an http, https or file URL, or an absolute path.",
            )

    def get(self, name: str, pin: Pin = ANY, tell: Tell = tell_nobody) -> Path:
        """Returns a file that lies in the local folder, or that is fetched; see Downloads.fetch."""
        if self._folder is None:
            return self._downloads.fetch(self._url(name), pin, tell)
        path = inside(self._folder, name, self._base)
        if not path.is_file():
            raise bad_request(
                "not_found",
                f"{path} is not there.",
                next_step="Correct the source in conf/, or put the file there.",
            )
        digest, size = digest_file(path)
        tell(size, size)
        if pin.sha256 not in (None, digest.removeprefix("sha256:")):
            raise gate_failed(
                "digest_mismatch",
                f"{path} has the digest {digest}, but conf/ asks for sha256:{pin.sha256}.",
                next_step="Get the file again, or correct the digest in conf/.",
            )
        return path

    def forget(self, name: str, pin: Pin = ANY) -> None:
        """Has a file that turned out to be something else fetched again the next time."""
        if self._folder is None:
            self._downloads.forget(self._url(name), pin)

    def where(self, name: str) -> str:
        """Returns how a message calls a file."""
        return shown(self._url(name)) if self._folder is None else str(self._folder / name)

    def _url(self, name: str) -> str:
        inside(Path("/"), name, shown(self._base))
        return f"{self._base}/{quote(name)}"
