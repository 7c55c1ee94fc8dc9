"""The Hugging Face hub: which files a revision has, and what went wrong in words."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import httpx
from huggingface_hub import HfApi, get_token, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from aqm_runner.fetching.downloads import Pin
from aqm_runner.fetching.remote import no_connection
from aqm_runner.runner.digests import CHUNK
from aqm_runner.runner.failures import RunnerError, bad_request

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubFile:
    """A file of a revision.

    Attributes:
        path: Below the repository's root.
        url: Where its bytes are; may redirect to another host.
        pin: Size, and SHA-256 where the hub knows it (large files).
        blob: Git's SHA-1 of it; for large files that of a pointer.
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
        self._api = HfApi(endpoint=endpoint)

    @property
    def credentials(self) -> dict[str, str]:
        """The header that HF_TOKEN, or the token that `hf auth login` left, asks for."""
        token = get_token()
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def files(self, patterns: list[str]) -> list[HubFile]:
        """Returns the files whose path fits a pattern, sorted.

        Raises bad_request `unknown_revision`, `access_denied`, `not_found`, `refused`,
        `missing_files`; unsupported_here `no_connection`.
        """
        with self._told():
            tree = list(
                self._api.list_repo_tree(self._repository, revision=self._revision, recursive=True)
            )
        found = [
            HubFile(
                entry.path,
                hf_hub_url(
                    self._repository,
                    entry.path,
                    revision=self._revision,
                    endpoint=self._api.endpoint,
                ),
                Pin(None if entry.lfs is None else entry.lfs.sha256, entry.size),
                entry.blob_id,
            )
            for entry in tree
            if isinstance(entry, RepoFile)
            and any(fnmatchcase(entry.path, pattern) for pattern in patterns)
            and ".." not in entry.path.split("/")
        ]
        if not found:
            raise bad_request(
                "missing_files",
                f"{self} has no file like {', '.join(patterns)}.",
                next_step="Correct hub and revision in conf/model/.",
            )
        return sorted(found, key=lambda file: file.path)

    def access_denied(self) -> RunnerError:
        """Returns the failure of a repository that does not let us in."""
        return bad_request(
            "access_denied",
            f"{self} may not be read: it is gated or private, and "
            + ("no token was given." if get_token() is None else "the token does not help."),
            next_step="Accept its terms on the hub, then set HF_TOKEN to a token that may read it.",
        )

    def __str__(self) -> str:
        return f"{self._repository} at revision {self._revision} on {self._api.endpoint}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except RevisionNotFoundError as error:
            raise bad_request(
                "unknown_revision",
                f"{self}: there is no such revision.",
                next_step="Correct the revision in conf/model/.",
            ) from error
        except GatedRepoError as error:
            raise self.access_denied() from error
        except (RepositoryNotFoundError, HFValidationError) as error:
            raise bad_request(
                "not_found",
                f"{self}: there is no such repository, or it is private.",
                next_step="Correct hub in conf/model/, or set HF_TOKEN to a token that may read "
                "it.",
            ) from error
        except HfHubHTTPError as error:
            code = error.response.status_code
            if code in (401, 403):
                raise self.access_denied() from error
            if code >= 500 or code == 429:
                raise no_connection(str(self), f"HTTP {code}") from error
            raise bad_request(
                "refused",
                f"{self} was answered with HTTP {code}.",
                next_step="Correct hub and endpoint in conf/model/.",
            ) from error
        except (httpx.TransportError, OSError) as error:
            raise no_connection(str(self), str(error) or type(error).__name__) from error


def _git_blob(path: Path) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
