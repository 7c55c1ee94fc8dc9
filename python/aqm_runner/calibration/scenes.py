"""Small scenes of coloured shapes and true captions for them.

Only `random.Random.randrange` is used: its stream for a seed is the same on every platform.
"""

import random
from dataclasses import dataclass

SIZES = ("small", "large")
COLOURS = {
    "red": (214, 40, 40),
    "green": (44, 160, 60),
    "blue": (40, 90, 200),
    "yellow": (240, 200, 40),
    "purple": (130, 60, 170),
    "orange": (240, 130, 30),
    "white": (245, 245, 245),
    "black": (20, 20, 20),
}
SHAPES = ("circle", "square", "triangle", "diamond")
GROUNDS = {"grey": (150, 150, 150), "brown": (120, 85, 60), "pink": (240, 180, 200)}
RELATIONS = ("above", "left of")


@dataclass(frozen=True)
class Thing:
    """One shape of a scene."""

    size: str
    colour: str
    shape: str

    def words(self) -> str:
        """Returns e.g. "large red circle"."""
        return f"{self.size} {self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """Two different things, how the first relates to the second, and the ground's colour."""

    first: Thing
    second: Thing
    relation: str
    ground: str

    def captions(self) -> list[str]:
        """Returns five sentences that are all true of the scene, most specific first."""
        first, second = self.first.words(), self.second.words()
        inverse = {"above": "below", "left of": "right of"}[self.relation]
        return [
            f"A {first} {self.relation} a {second}.",
            f"A {second} {inverse} a {first}.",
            f"A {first} and a {second} on a {self.ground} background.",
            f"There are two shapes: a {first} and a {second}.",
            f"The {self.ground} picture shows a {self.second.colour} {self.second.shape}"
            f" {inverse} a {self.first.colour} {self.first.shape}.",
        ]


def draw_scene(source: random.Random) -> Scene:
    """Returns the next scene of a random source."""
    first = _draw_thing(source)
    second = _draw_thing(source)
    while second == first:
        second = _draw_thing(source)
    return Scene(first, second, _pick(source, RELATIONS), _pick(source, tuple(GROUNDS)))


def _draw_thing(source: random.Random) -> Thing:
    return Thing(_pick(source, SIZES), _pick(source, tuple(COLOURS)), _pick(source, SHAPES))


def _pick(source: random.Random, options: tuple[str, ...]) -> str:
    return options[source.randrange(len(options))]
