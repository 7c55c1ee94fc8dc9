"""Op coco_annotations: COCO's two caption files, fetched.

`source` is a URL or an absolute path with COCO's own layout. With `archive`, both come out of that
zip file (only they are unpacked); without it they lie at `annotations/captions_*2017.json`.

Outputs `annotations_train` and `annotations_val`: the files as COCO ships them.

Errors: those of `Downloads.fetch` and `Source`; bad_request `missing_member`, `output_exists`;
gate_failed `unreadable_archive`.
"""

import shutil
import struct
import zipfile
import zlib
from typing import Any

from aqm_runner.fetching.downloads import Downloads, Pin
from aqm_runner.fetching.sources import Source
from aqm_runner.runner.cache import downloads_folder
from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.places import Place

# COCO's captions shrink to a seventh; a file of one repeated byte to a thousandth.
LARGEST_RATIO = 100
SMALL_BYTES = 1 << 20
LARGEST_BYTES = 1 << 30
# What zipfile raises for archives that are damaged, encrypted, or of another version.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
)
FILES = {
    "annotations_train": "captions_train2017.json",
    "annotations_val": "captions_val2017.json",
}


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes both files; returns where they are from."""
    del inputs
    source = Source(params["source"], Downloads(downloads_folder()))
    archive = params["archive"]
    if archive is None:
        for role, name in FILES.items():
            at_most = Pin(most=LARGEST_BYTES)
            path = source.get(f"annotations/{name}", at_most, _in_kilobytes(context, name))
            shutil.copyfile(path, outputs[role].create())
        return {"source": params["source"]}
    pin = Pin(archive.get("sha256"), archive.get("size"))
    path = source.get(archive["path"], pin, _in_kilobytes(context, archive["path"]))
    context.phase("unpack", len(FILES))
    try:
        with zipfile.ZipFile(path) as opened:
            for done, (role, name) in enumerate(FILES.items(), start=1):
                member = _member(opened, name, source.where(archive["path"]))
                _check_packing(member, path.stat().st_size, source.where(archive["path"]))
                with opened.open(member) as packed, outputs[role].create().open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
                context.step(done)
    except DAMAGE as error:
        source.forget(archive["path"], pin)
        raise gate_failed(
            "unreadable_archive",
            f"{source.where(archive['path'])} is no whole zip file: {error}.",
            next_step="Correct the source in conf/; something on the way (a proxy, a login page) "
            "may have answered in its place. The next build fetches it again.",
        ) from error
    return {"source": params["source"]}


def _check_packing(member: zipfile.ZipInfo, archive_bytes: int, where: str) -> None:
    """Refuses a member that is packed in an unusual way, or far smaller than any text of people.

    What the archive says of the packed size is believed up to the size of the archive itself.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{member.filename} is packed by a method that is not used here")
    packed = min(member.compress_size, archive_bytes)
    if member.file_size > min(packed * LARGEST_RATIO + SMALL_BYTES, LARGEST_BYTES):
        raise gate_failed(
            "unreadable_archive",
            f"{member.filename} in {where} has {packed} bytes and unpacks to "
            f"{member.file_size}, which no annotation file does.",
            next_step="Correct the source in conf/ to COCO's annotations_trainval2017.zip.",
        )


def _member(archive: zipfile.ZipFile, name: str, where: str) -> zipfile.ZipInfo:
    found = [entry for entry in archive.infolist() if entry.filename.split("/")[-1] == name]
    if len(found) != 1:
        raise bad_request(
            "missing_member",
            f"{where} holds {len(found)} files named {name}; one is needed.",
            next_step="Name COCO's annotations_trainval2017.zip in conf/.",
        )
    return found[0]


def _in_kilobytes(context: Any, name: str) -> Any:
    total: list[int | None] = []

    def tell(done: int, size: int | None) -> None:
        whole = None if size is None else size // 1000
        if total != [whole]:
            total[:] = [whole]
            context.phase(f"fetch {name.split('/')[-1]}, kB", whole)
        context.step(done // 1000)

    return tell
