"""Images as they come: what a person sees is what the model gets, or the image is named."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from harness import place
from PIL import Image

from aqm_runner.model.images import read_image
from aqm_runner.runner.failures import RunnerError
from aqm_runner.runner.places import Place

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)
ORIENTATION = 0x0112


def read(image: Image.Image, folder: Path, **how: object) -> Image.Image:
    image.save(folder / "x.png", "PNG", **how)
    found = read_image(place(folder, "folder"), "x.png")
    assert found.mode == "RGB"
    return found


def test_sixteen_bit_grey_keeps_its_shades(tmp_path):
    values = np.array([[0, 257, 32_896, 65_535]], dtype=np.uint16)
    found = read(Image.fromarray(values), tmp_path)
    assert [found.getpixel((x, 0)) for x in range(4)] == [(v, v, v) for v in (0, 1, 128, 255)]


def test_an_image_is_turned_upright(tmp_path):
    image = Image.new("RGB", (2, 1), RED)
    image.putpixel((1, 0), GREEN)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned a quarter clockwise
    found = read(image, tmp_path, exif=exif)
    assert found.size == (1, 2)
    assert [found.getpixel((0, y)) for y in range(2)] == [RED, GREEN]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_what_is_transparent_is_white(tmp_path, mode):
    if mode in ("P", "RGB", "L"):  # one colour stands for nothing
        image = Image.new(mode, (1, 1), 0)
        found = read(image, tmp_path, transparency=(0, 0, 0) if mode == "RGB" else 0)
    else:
        found = read(Image.new("RGBA", (1, 1), (9, 9, 9, 0)).convert(mode), tmp_path)
    assert found.getpixel((0, 0)) == WHITE


def test_half_transparent_is_blended(tmp_path):
    found = read(Image.new("RGBA", (1, 1), (0, 0, 0, 51)), tmp_path)
    assert found.getpixel((0, 0)) == (204, 204, 204)


@pytest.mark.parametrize(("mode", "colour"), [("1", 1), ("L", 255), ("CMYK", 0), ("YCbCr", None)])
def test_other_kinds_are_converted(tmp_path, mode, colour):
    image = Image.new("RGB", (1, 1), WHITE).convert(mode) if colour is None else None
    image = image or Image.new(mode, (1, 1), colour)
    image.save(tmp_path / "x.png", "TIFF")
    assert read_image(place(tmp_path, "folder"), "x.png").getpixel((0, 0)) == WHITE


def chunk(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND", b"")


PIXELS = chunk(b"IDAT", zlib.compress(b"\0" * 13))
BAD = {
    "empty": b"",
    "cut": png(2, 2, PIXELS)[:50],
    "huge": png(30_000, 30_000, PIXELS),
    "no chunk": png(2, 2, b"\0\0\0\x10\1\2\3\4"),
    "endless text": png(
        2, 2, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)), PIXELS
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_an_image_that_cannot_be_used_is_named(tmp_path, kind):
    (tmp_path / "x.png").write_bytes(BAD[kind])
    with pytest.raises(RunnerError) as caught:
        read_image(place(tmp_path, "folder"), "x.png")
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", "unreadable_image")
    assert caught.value.file == f"given/{tmp_path.name}/x.png"
    assert caught.value.file in caught.value.message


def test_floating_point_pixels_mean_nothing(tmp_path):
    Image.new("F", (1, 1), 0.5).save(tmp_path / "x.png", "TIFF")
    with pytest.raises(RunnerError, match="floating-point"):
        read_image(place(tmp_path, "folder"), "x.png")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (lambda _: "../secret.jpg", "unsafe_path"),
        (lambda folder: str(folder / "secret.jpg"), "unsafe_path"),
        (lambda _: "train2017/x.png", "file_not_taken"),
        (lambda _: "train2017/gone.jpg", "unreadable_image"),
    ],
)
def test_only_what_the_rule_takes_is_read(tmp_path, name: Callable[[Path], str], reason):
    Image.new("RGB", (1, 1)).save(tmp_path / "secret.jpg")
    images = Place(tmp_path / "images", "folder", "images", ("train2017/*.jpg",))
    (images.path / "train2017").mkdir(parents=True)
    Image.new("RGB", (1, 1)).save(images.path / "train2017/x.png")
    with pytest.raises(RunnerError) as caught:
        read_image(images, name(tmp_path))
    assert caught.value.reason == reason
