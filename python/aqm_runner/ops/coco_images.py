"""Op coco_images: the images that a calibration database names, fetched, and no others.

Input `database`: a calibration database. `source` is a URL or an absolute path below which the
images lie as `train2017/<id>.jpg` and `val2017/<id>.jpg`.

Output `images`: a folder with the same layout. What was fetched for one subset is kept, so a larger
one only asks for what is new.

Errors: those of `Downloads.fetch`, `Source` and `read_rows`; gate_failed `not_an_image`,
`unsafe_path`; bad_request `output_exists`.
"""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from aqm_runner.calibration.sample_reading import read_rows
from aqm_runner.fetching.downloads import Downloads, Pin
from aqm_runner.fetching.sources import Source
from aqm_runner.runner.cache import downloads_folder
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

AT_ONCE = 8
# COCO's images have at most a few hundred kilobytes.
LARGEST_BYTES = 64 << 20
JPEG = b"\xff\xd8\xff"


def run(
    context: Any, params: dict[str, Any], inputs: dict[str, Place], outputs: dict[str, Place]
) -> dict[str, Any]:
    """Writes the folder; returns the number of images and where they are from."""
    rows, _ = read_rows(inputs["database"])
    names = sorted({row.image_relpath for row in rows})
    for name in names:
        if not re.fullmatch(r"(train|val)2017/[\w-]+\.jpg", name):
            raise gate_failed(
                "unsafe_path",
                f"{inputs['database'].name} names the image {name!r}, which is no path of COCO's.",
                file=inputs["database"].name,
                next_step="Build the database again.",
            )
    source = Source(params["source"], Downloads(downloads_folder()))
    folder = outputs["images"].create()
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
    context.phase("fetch images", len(names))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending = [pool.submit(_bring, source, name, folder / name) for name in names]
        try:
            for done, finished in enumerate(as_completed(pending), start=1):
                finished.result()
                context.step(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {"images": len(names), "source": params["source"]}


def _bring(source: Source, name: str, target: Path) -> None:
    path = source.get(name, Pin(most=LARGEST_BYTES))
    with path.open("rb") as file:
        start = file.read(len(JPEG))
    if start != JPEG:
        source.forget(name)
        raise gate_failed(
            "not_an_image",
            f"{source.where(name)} is no JPEG image.",
            next_step="Correct the source in conf/; something on the way (a proxy, a login page) "
            "may have answered in its place. The next build fetches it again.",
        )
    shutil.copyfile(path, target)
