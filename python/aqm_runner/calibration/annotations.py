"""Reading COCO's caption annotations: all of them, each understood, or a failure that names one."""

from dataclasses import dataclass
from typing import Any

from aqm_runner.calibration.sample_writing import SampleRow
from aqm_runner.runner.documents import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    DocumentError,
    read_document,
)
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.inside import why_not_inside
from aqm_runner.runner.places import Place

SHOWN = 60


@dataclass(frozen=True)
class Captions:
    """The captions of a split, or of both.

    Attributes:
        rows: Those whose image has an entry, in file order.
        without_image: How many others there are.
    """

    rows: list[SampleRow]
    without_image: int


def read_captions_of_split(place: Place, split: str) -> Captions:
    """Returns all captions of an annotation file.

    Ids are whole numbers of at most 64 bits, as COCO's are: an id that is text would match no other
    and its caption would be lost. Raises bad_request `unreadable_annotations` naming the entry.
    """
    try:
        document = read_document(place.path)
        images = _entries(document, "images")
        annotations = _entries(document, "annotations")
        files: dict[int, str] = {}
        for index, image in enumerate(images):
            where = f"images[{index}]"
            number = _integer(image, "id", where)
            name = _text(image, "file_name", where)
            problem = why_not_inside(name)
            if problem is not None:
                raise DocumentError(f"{where}: its file_name {_shown(name)} {problem}")
            if files.setdefault(number, name) != name:
                raise DocumentError(f"{where}: another image has the id {number} as well")
        rows = []
        for index, entry in enumerate(annotations):
            where = f"annotations[{index}]"
            caption_id = _integer(entry, "id", where)
            image_id = _integer(entry, "image_id", where)
            caption = _text(entry, "caption", where)
            if image_id in files:
                path = f"{split}/{files[image_id]}"
                rows.append(SampleRow(split, path, image_id, caption_id, caption))
    except DocumentError as error:
        raise bad_request(
            "unreadable_annotations",
            f"{place.name} is not a COCO caption annotation file: {error}.",
            file=place.name,
            next_step="Correct that entry, or use captions_train2017.json and "
            "captions_val2017.json as COCO ships them.",
        ) from error
    return Captions(rows, len(annotations) - len(rows))


def read_population(context: Any, train: Place, val: Place) -> Captions:
    """Returns the train captions in file order, then the val captions in file order.

    Warns of captions that are left out because their image has no entry. Raises as
    `read_captions_of_split`.
    """
    splits = [read_captions_of_split(train, "train2017"), read_captions_of_split(val, "val2017")]
    rows = [row for captions in splits for row in captions.rows]
    without_image = sum(captions.without_image for captions in splits)
    if without_image:
        context.warning(
            "captions_without_image",
            f"{without_image} of {without_image + len(rows)} captions are left out, since "
            "the annotation files have no entry for their images.",
        )
    return Captions(rows, without_image)


def _entries(document: Any, key: str) -> list[Any]:
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise DocumentError(f"it has no list {key!r} at the top")
    return found


def _value(entry: Any, key: str, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise DocumentError(f"{where} has no {key}")
    return entry[key]


def _integer(entry: Any, key: str, where: str) -> int:
    value = _value(entry, key, where)
    if type(value) is not int or not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise DocumentError(
            f"{where}: its {key} is {_shown(value)}, where a whole number is needed"
        )
    return value


def _text(entry: Any, key: str, where: str) -> str:
    value = _value(entry, key, where)
    if not isinstance(value, str):
        raise DocumentError(f"{where}: its {key} is {_shown(value)}, where text is needed")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(
            f"{where}: its {key} has half of a character ({_shown(value[error.start])})"
        ) from error
    return value


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
