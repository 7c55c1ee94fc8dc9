"""Spearman's rank correlation of two folders of scores, run by run.

    python tests/gpu/rank_correlation.py FOLDER OTHER_FOLDER

Compares each FOLDER/**/sensitivity-scores.json with the file of the same name below OTHER_FOLDER,
over the enabled groups; runs that only one has are left out.
"""

import json
import sys
from pathlib import Path


def scores_of(path: Path) -> dict[str, float]:
    """Returns group → raw score."""
    groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
    return {group["name"]: group["score"] for group in groups if group["enabled"]}


def ranks(values: list[float]) -> list[float]:
    """Returns ranks from 0; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for position in order[start:end]:
            found[position] = (start + end - 1) / 2
        start = end
    return found


def spearman(one: list[float], other: list[float]) -> float:
    """Returns the Pearson correlation of the ranks."""
    a, b = ranks(one), ranks(other)
    mean = (len(a) - 1) / 2
    covariance = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    spread = sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)
    return covariance / spread**0.5


def main() -> int:
    folder, other = Path(sys.argv[1]), Path(sys.argv[2])
    worst = 1.0
    for path in sorted(folder.rglob("sensitivity-scores.json")):
        twin = other / path.relative_to(folder)
        if not twin.exists():
            continue
        mine, theirs = scores_of(path), scores_of(twin)
        if mine.keys() != theirs.keys():
            print(f"other groups: {twin}")
            return 1
        found = spearman(list(mine.values()), [theirs[name] for name in mine])
        worst = min(worst, found)
        print(f"{found:.6f}  {path.parent.name}")
    print(f"{worst:.6f}  the lowest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
