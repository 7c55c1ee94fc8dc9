"""The Hugging Face hub: which files a revision has, and who may have the user's token.

huggingface_hub knows the token. The listing is asked for here, since huggingface_hub 1.33 takes
lists of any length without a time limit, and sends the token to any host that the header
`Link: rel=next` names.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub import constants, get_token
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from aqm_runner.fetching.addresses import checked, is_loopback, origin, shown
from aqm_runner.fetching.downloads import Pin
from aqm_runner.fetching.listing import Refused, pages
from aqm_runner.fetching.remote import no_connection
from aqm_runner.runner.digests import CHUNK
from aqm_runner.runner.failures import RunnerError, bad_request, gate_failed
from aqm_runner.runner.inside import inside

COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
PUBLIC = "https://huggingface.co"


@dataclass(frozen=True)
class HubFile:
    """A file of a revision.

    Attributes:
        path: Below the repository's root; safe below any folder.
        url: Where its bytes are; may redirect to another host.
        pin: Size, and SHA-256 where the hub knows it (large files).
        blob: Git's SHA-1 of the file; for large files that of a pointer.
    """

    path: str
    url: str
    pin: Pin
    blob: str

    def has_content(self, path: Path) -> bool:
        """Whether a file is this one, by the digest that the hub has for it."""
        return self.pin.sha256 is not None or _git_blob(path) == self.blob


class Hub:
    """One revision of a repository.

    Args:
        repository: `owner/name` of a model.
        revision: A whole commit id: branches and tags move.
        endpoint: URL of the hub; None for HF_ENDPOINT, else the public one.

    Raises:
        RunnerError: bad_request `unpinned_revision`, `bad_address`, `password_in_address`,
            `not_found`.
    """

    def __init__(self, repository: str, revision: str, endpoint: str | None) -> None:
        if not COMMIT.fullmatch(revision):
            raise bad_request(
                "unpinned_revision",
                f"{revision!r} of {repository} is no commit id: what it names may change any day.",
                next_step="Pin a revision of 40 hexadecimal digits: the hub shows it under Files "
                "and versions, History.",
            )
        self._repository = repository
        self._revision = revision
        self._endpoint = (endpoint or _users_hub()).rstrip("/")
        checked(self._endpoint)
        try:
            validate_repo_id(repository)
        except HFValidationError as error:
            raise self._not_found() from error
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        self._withheld = None if token is None else _why_withheld(self._endpoint)
        self._token = token if self._withheld is None else None

    @property
    def credentials(self) -> dict[str, str]:
        """The header that HF_TOKEN, or the token that `hf auth login` left, asks for."""
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    @property
    def withheld(self) -> str | None:
        """Why the user's token is not sent to this hub; None when it is, or there is none."""
        return self._withheld

    def files(self, patterns: list[str]) -> list[HubFile]:
        """Returns the files whose path fits a pattern, sorted.

        Raises bad_request `unknown_revision`, `access_denied`, `not_found`, `refused`,
        `missing_files`; unsupported_here `no_connection`; gate_failed `bad_listing`, `unsafe_path`.
        """
        if constants.HF_HUB_OFFLINE:
            raise no_connection(str(self), "HF_HUB_OFFLINE is set")
        found = [
            file
            for file in self._listed()
            if any(fnmatchcase(file.path, pattern) for pattern in patterns)
        ]
        if not found:
            raise bad_request(
                "missing_files",
                f"{self} has no file like {', '.join(patterns)}.",
                next_step="Correct hub and revision in conf/model/.",
            )
        for file in found:
            inside(Path("/"), file.path, f"the list of {self}")
        self._check_names([file.path for file in found])
        return sorted(found, key=lambda file: file.path)

    def access_denied(self) -> RunnerError:
        """Returns the failure of a repository that does not let us in."""
        if self._withheld is not None:
            return bad_request(
                "access_denied",
                f"{self} may not be read: it is gated or private, and your token was not sent "
                f"there: {self._withheld}.",
                next_step=f"If you trust it with your token, set HF_ENDPOINT={self._endpoint}.",
            )
        return bad_request(
            "access_denied",
            f"{self} may not be read: it is gated or private, and "
            + ("no token was given." if self._token is None else "the token does not help."),
            next_step="Accept its terms on the hub, then set HF_TOKEN to a token that may read it.",
        )

    def __str__(self) -> str:
        return f"{self._repository} at revision {self._revision} on {shown(self._endpoint)}"

    def _listed(self) -> Iterator[HubFile]:
        url = (
            f"{self._endpoint}/api/models/{self._repository}/tree/{self._revision}"
            "?recursive=True&expand=False"
        )
        try:
            for entry in pages(url, self.credentials, str(self)):
                file = self._file(entry)
                if file is not None:
                    yield file
        except Refused as refused:
            raise self._told(refused) from refused

    def _file(self, entry: Any) -> HubFile | None:
        """Returns a file of the listing; None for folders. Raises gate_failed `bad_listing`."""
        if isinstance(entry, dict) and entry.get("type") == "directory":
            return None
        try:
            path, size, blob, large = entry["path"], entry["size"], entry["oid"], entry.get("lfs")
            sha256 = None if large is None else large["oid"]
            # Of a large file, `oid` is that of a pointer.
            digest = COMMIT.fullmatch(blob) if large is None else SHA256.fullmatch(sha256)
            if not (type(size) is int and size >= 0 and isinstance(path, str) and digest):
                raise TypeError
            name = quote(path)
        except (TypeError, KeyError, AttributeError, UnicodeEncodeError) as error:
            raise self._bad_listing(f"its entry {repr(entry)[:200]} is no file") from error
        url = f"{self._endpoint}/{self._repository}/resolve/{self._revision}/{name}"
        return HubFile(path, url, Pin(sha256, size), str(blob))

    def _check_names(self, paths: list[str]) -> None:
        """Checks that no file of the listing would lie where another one, or its folder, does."""
        taken = set(paths)
        folders = {str(folder) for path in paths for folder in Path(path).parents}
        if len(taken) != len(paths) or taken & folders:
            raise self._bad_listing("it has one name for two files, or for a file and a folder")

    def _bad_listing(self, problem: str) -> RunnerError:
        return gate_failed(
            "bad_listing",
            f"The list of {self} is damaged: {problem}.",
            next_step="Try again; if it stays so, something on the way answers in the hub's place.",
        )

    def _not_found(self) -> RunnerError:
        return bad_request(
            "not_found",
            f"{self}: there is no such repository, or it is private.",
            next_step="Correct hub in conf/model/, or set HF_TOKEN to a token that may read it.",
        )

    def _told(self, refused: Refused) -> RunnerError:
        if refused.word == "RevisionNotFound":
            return bad_request(
                "unknown_revision",
                f"{self}: there is no such revision.",
                next_step="Correct the revision in conf/model/.",
            )
        if refused.word == "RepoNotFound":
            return self._not_found()
        if refused.word == "GatedRepo" or refused.code in (401, 403):
            return self.access_denied()
        return bad_request(
            "refused",
            f"{self} was answered with HTTP {refused.code}.",
            next_step="Correct hub and endpoint in conf/model/.",
        )


def _users_hub() -> str:
    """Returns the hub that the user's environment names, else the public one."""
    return os.environ.get("HF_ENDPOINT") or PUBLIC


def _why_withheld(endpoint: str) -> str | None:
    """Returns why the user's token must not go to a hub; None when it may.

    A config names a hub without the user's knowledge, so it alone is no reason to hand over a
    token; and without encryption everyone on the way could read it.
    """
    users = _users_hub()
    checked(users)
    if origin(endpoint) not in (origin(PUBLIC), origin(users)):
        return "only the config names this hub, not HF_ENDPOINT"
    scheme, host, _ = origin(endpoint)
    if scheme != "https" and not is_loopback(host):
        return "it would not be encrypted"
    return None


def _git_blob(path: Path) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
