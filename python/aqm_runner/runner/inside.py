"""Which names may be used below a folder.

Every name that comes from a listing, an archive, a database or a document is asked for here before
it reaches the disk or a URL. `src/model/inside.ts` is the same rule in TypeScript; both are held to
the same table of names.
"""

from pathlib import Path

from aqm_runner.runner.failures import gate_failed

# File systems allow so many bytes a part, and paths so many in all.
LONGEST_PART = 255
LONGEST = 4000


def why_not_inside(name: object) -> str | None:
    """Returns why a name may not be used below a folder, None when it may.

    A name that may, joined to any folder, is a place in that folder. Links on the disk are not
    looked at.
    """
    if not isinstance(name, str):
        return "is no text"
    if name == "":
        return "is empty"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has half a character"
    for found, problem in (
        (name.startswith("/"), "is absolute"),
        ("\0" in name, "has a NUL byte"),
        ("\\" in name, "has a backslash"),
    ):
        if found:
            return problem
    parts = name.split("/")
    if ".." in parts or "." in parts:
        return "has a . or .. part"
    if "" in parts:
        return "has an empty part"
    longest = max(len(part.encode()) for part in parts)
    if longest > LONGEST_PART or len(name.encode()) > LONGEST:
        return "is too long for a file system"
    return None


def inside(folder: Path, name: object, named_by: str) -> Path:
    """Returns the place of a name below a folder.

    Args:
        folder: Any folder; it need not be there.
        name: What someone else chose.
        named_by: The file or listing that has the name, for the message.

    Raises:
        RunnerError: gate_failed `unsafe_path` if the place would not lie in the folder.
    """
    problem = why_not_inside(name)
    if problem is not None or not isinstance(name, str):
        shown = repr(name) if len(repr(name)) <= SHOWN else f"{repr(name)[:SHOWN]}…"
        raise gate_failed(
            "unsafe_path",
            f"{named_by} names the file {shown}, which {problem}; nothing was read or written "
            "there.",
            file=named_by,
            next_step="Get it from where it is published; what names files outside of its own "
            "folder is damaged, or meant to do harm.",
        )
    return folder / name


SHOWN = 200
