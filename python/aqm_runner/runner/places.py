"""Where an op reads and writes."""

from dataclasses import dataclass
from pathlib import Path

from aqm_runner.runner.failures import bad_request


@dataclass(frozen=True)
class Place:
    """One input or output of an op.

    Attributes:
        path: Absolute path.
        kind: "file" or "folder".
        name: Workspace-relative path that users know it by; for messages only.
    """

    path: Path
    kind: str
    name: str

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
