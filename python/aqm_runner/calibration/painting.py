"""Pictures of scenes: two flat shapes on a ground, 64 x 64 RGB pixels, written as JPEG."""

from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw

from aqm_runner.calibration.scenes import COLOURS, GROUNDS, Scene, Thing

SIDE = 64
RADIUS = {"small": 7, "large": 13}
CENTRES = {"above": ((32, 16), (32, 48)), "left of": ((16, 32), (48, 32))}


def write_picture(scene: Scene, target: Path | BinaryIO) -> None:
    """Writes the picture of a scene as JPEG; the same scene gives the same bytes."""
    _paint(scene).save(target, format="JPEG", quality=90, subsampling=0, optimize=False)


def _paint(scene: Scene) -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), GROUNDS[scene.ground])
    pen = ImageDraw.Draw(image)
    for thing, centre in zip((scene.first, scene.second), CENTRES[scene.relation], strict=True):
        _paint_thing(pen, thing, *centre)
    return image


def _paint_thing(pen: ImageDraw.ImageDraw, thing: Thing, x: int, y: int) -> None:
    r = RADIUS[thing.size]
    fill = COLOURS[thing.colour]
    box = (x - r, y - r, x + r, y + r)
    corners = {
        "triangle": [(x, y - r), (x + r, y + r), (x - r, y + r)],
        "diamond": [(x, y - r), (x + r, y), (x, y + r), (x - r, y)],
    }
    if thing.shape == "circle":
        pen.ellipse(box, fill=fill)
    elif thing.shape == "square":
        pen.rectangle(box, fill=fill)
    else:
        pen.polygon(corners[thing.shape], fill=fill)
