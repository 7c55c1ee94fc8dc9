"""Op hub_checkpoint: the files of a model at a pinned revision of the Hugging Face hub.

The hub's list names each file's size and digest (SHA-256 of large files, else Git's SHA-1), and
what comes is held against both. The bytes come through `Downloads`, since huggingface_hub 1.33
throws away the parts of a file when a process ends, and these files have gigabytes. The user's
token goes to the public hub, or to the one that HF_ENDPOINT names, and to no other.

Output `checkpoint`: a folder with the files that match `include`.

Errors: those of `Hub` and `Downloads.fetch`; gate_failed `digest_mismatch`; bad_request
`unpinned_revision`, `output_exists`.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from aqm_runner.fetching.downloads import Downloads
from aqm_runner.fetching.hub import Hub, HubFile
from aqm_runner.runner.cache import downloads_folder
from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.inside import inside
from aqm_runner.runner.places import Place


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder; returns the numbers of files and bytes."""
    del inputs
    context.phase("list", None)
    hub = Hub(params["hub"], params["revision"], params["endpoint"])
    if hub.withheld is not None:
        context.warning("token_withheld", f"Your token was not sent to {hub}: {hub.withheld}.")
    files = hub.files(params["include"])
    downloads = Downloads(downloads_folder(), credentials=hub.credentials)
    total = sum(file.pin.size or 0 for file in files)
    context.phase("fetch, kB", total // 1000)
    paths: list[Path] = []
    before = 0
    for file in files:
        paths.append(_fetch(context, hub, downloads, file, before))
        before += file.pin.size or 0
        context.step(before // 1000)
    folder = outputs["checkpoint"].create()
    for file, path in zip(files, paths, strict=True):
        target = inside(folder, file.path, f"the list of {hub}")
        target.parent.mkdir(parents=True, exist_ok=True)
        _give(path, target)
    return {"files": len(files), "bytes": total}


def _fetch(context: Any, hub: Hub, downloads: Downloads, file: HubFile, before: int) -> Path:
    try:
        path = downloads.fetch(
            file.url, file.pin, lambda done, _: context.step((before + done) // 1000)
        )
    except RunnerError as error:
        raise hub.access_denied() if error.reason == "access_denied" else error from error
    if file.has_content(path):
        return path
    downloads.forget(file.url, file.pin)
    raise gate_failed(
        "digest_mismatch",
        f"{file.url} is not what {hub} lists (Git's digest {file.blob}); it was not kept.",
        next_step="Try again; if it stays so, something on the way answers in the hub's place.",
    )


def _give(path: Path, target: Path) -> None:
    """A second name where the disk allows it: the weights would otherwise lie there twice."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
