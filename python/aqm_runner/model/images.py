"""Reading an image as a person sees it: upright, opaque, in 8 bits a colour."""

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from aqm_runner.runner.failures import RunnerError, gate_failed
from aqm_runner.runner.places import Place

# What is behind transparent pixels: white, as in Qwen's own qwen_vl_utils (`to_rgb`).
GROUND = (255, 255, 255)
# 16-bit values as 8-bit ones: 65,535 / 255.
SIXTEEN_TO_EIGHT = 257
SIXTEEN_BITS = 65_535


def read_image(root: Place, relpath: str) -> Image.Image:
    """Returns an image in RGB, 8 bits a colour.

    It is turned upright as its EXIF orientation says, as transformers' `load_image` does.
    Transparent pixels are blended with white. 16-bit grey is scaled, where a plain conversion would
    cut all that is above 255 to white. CMYK and palettes are converted as Pillow does.

    Args:
        root: The images' folder.
        relpath: As the sample names it.

    Raises:
        RunnerError: gate_failed `unreadable_image` naming an image that is missing, damaged, too
            large to decode or of a kind without a meaning in RGB; `unsafe_path` and
            `file_not_taken` for a name that leads out of what the rule takes.
    """
    path = root.file(relpath, f"the sample of {relpath!r}")
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is no file")
        with Image.open(path) as image:
            return _in_rgb(ImageOps.exif_transpose(image))
    except (RunnerError, MemoryError):
        raise
    # Pillow's decoders raise any error on a damaged file, SyntaxError included.
    except Exception as error:
        said = f"cannot be read: {error or type(error).__name__}"
        raise unreadable_image(
            root, relpath, "is not there" if isinstance(error, FileNotFoundError) else said
        ) from error


def unreadable_image(root: Place, relpath: str, problem: str) -> RunnerError:
    """Returns the failure of the gate `unreadable_image`; `problem` follows "The image x"."""
    name = f"{root.name}/{relpath}"
    return gate_failed(
        "unreadable_image",
        f"The image {name} {problem}.",
        file=name,
        next_step=f"Complete {root.name} with the train2017 and val2017 folders of the "
        "data set that the samples were drawn from, or take the sample out of its annotations.",
    )


def _in_rgb(image: Any) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers without a range")
    if image.mode.startswith("I"):
        return _from_sixteen_bits(image)
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, GROUND)
        ground.paste(image, mask=image.getchannel("A"))
        return ground
    return image.convert("RGB")


def _from_sixteen_bits(image: Any) -> Image.Image:
    values = np.asarray(image)
    if values.size and not 0 <= values.min() <= values.max() <= SIXTEEN_BITS:
        raise ValueError("its grey values do not fit into 16 bits")
    # Rounded, so that 0 stays black and 65,535 becomes white.
    scaled = (values.astype(np.uint32) + SIXTEEN_TO_EIGHT // 2) // SIXTEEN_TO_EIGHT
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")
