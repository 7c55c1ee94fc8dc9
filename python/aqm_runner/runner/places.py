"""Where an op reads and writes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aqm_runner.runner.failures import bad_request, gate_failed
from aqm_runner.runner.inside import inside


@dataclass(frozen=True)
class Place:
    """One input or output of an op.

    Attributes:
        path: Absolute path.
        kind: "file" or "folder".
        name: Workspace-relative path that users know it by; for messages only.
        include: Patterns of the files of a folder that are in the key; None: all are.
        trusted: Whether Python code in it may be run: an op has a param that says so.
    """

    path: Path
    kind: str
    name: str
    include: tuple[str, ...] | None = None
    trusted: bool = False

    def takes(self, name: str) -> bool:
        """Returns whether a file, by its path relative to the folder, is in the key."""
        return self._pattern is None or self._pattern.fullmatch(name) is not None

    def file(self, name: object, named_by: str) -> Path:
        """Returns the path of a file of the folder that a document names.

        Args:
            name: What the document says.
            named_by: The document, for the message.

        Raises:
            RunnerError: gate_failed `unsafe_path` for a name that leads out of the folder;
                `file_not_taken` for one that the rule leaves out, so that no key knows its content.
        """
        path = inside(self.path, name, named_by)
        if not self.takes(str(name)):
            raise gate_failed(
                "file_not_taken",
                f"{named_by} names {name} in {self.name}, of which only "
                f"{', '.join(self.include or ())} are taken: a change of it would go unseen.",
                file=f"{self.name}/{name}",
                next_step="Name a file that the rule takes, or add its pattern to the rule.",
            )
        return path

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yields relative name and path of every file of the folder that is in the key."""
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            if path.is_file() and self.takes(name):
                yield name, path

    @cached_property
    def _pattern(self) -> "re.Pattern[str] | None":
        if self.include is None:
            return None
        return re.compile("|".join(_expression(pattern) for pattern in self.include), re.DOTALL)

    def require(self) -> Path:
        """Returns the path of an input; raises bad_request `missing_input` if it is not there."""
        there = self.path.is_file() if self.kind == "file" else self.path.is_dir()
        if not there:
            raise bad_request(
                "missing_input",
                f"The {self.kind} {self.name} is not there.",
                file=self.name,
                next_step=f"Make {self.name} first, or correct the path that names it.",
            )
        return self.path

    def create(self) -> Path:
        """Returns the path of an output that nothing was written to yet.

        A folder is made here (an empty one may be there already); a file's parent folder is made.
        Raises bad_request `output_exists` rather than mixing new content with old.
        """
        used = any(self.path.iterdir()) if self.path.is_dir() else self.path.exists()
        if used or (self.kind == "file" and self.path.is_dir()):
            raise bad_request(
                "output_exists",
                f"The staging place of {self.name} is already in use.",
                file=self.name,
                next_step="Give every action a staging path of its own.",
            )
        (self.path if self.kind == "folder" else self.path.parent).mkdir(
            parents=True, exist_ok=True
        )
        return self.path


def _expression(pattern: str) -> str:
    """Returns a pattern as a regular expression, as src/graph/include.ts has it.

    `*` and `?` stay within one part of a path; a part `**` stands for any number of folders.
    """
    *folders, last = pattern.split("/")
    text = "".join("(?:.*/)?" if part == "**" else f"{_part(part)}/" for part in folders)
    return text + (".*" if last == "**" else _part(last))


def _part(part: str) -> str:
    return re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
