"""Makes what the full-size main job needs on a GPU machine without weights or data sets.

    python tests/gpu/random_checkpoint.py

writes, where the configs of `qwen3_vl_4b_instruct` and `coco2017` expect them, a Qwen3-VL-4B
checkpoint of the true shapes with random weights (4.4 G parameters, bfloat16, 8.9 GB) and COCO
annotations and images of synthetic scenes. Run in the workspace, with `python` on PYTHONPATH.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText, Qwen3VLConfig

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python/tests")]

from harness import FakeContext, place  # noqa: E402

from aqm_runner.ops import synthetic_coco  # noqa: E402
from aqm_runner.model.tiny_processor import build_processor, build_tokenizer  # noqa: E402

CHECKPOINT = ROOT / "models/qwen3_vl_4b_instruct/checkpoints/Qwen3-VL-4B-Instruct"
COCO = ROOT / "datasets/coco2017/source-data"

TEXT = {
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 4096,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 5_000_000.0,
        "mrope_section": [24, 20, 20],
        "mrope_interleaved": True,
    },
}
VISION = {
    "depth": 24,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_heads": 16,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "out_hidden_size": 2560,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [5, 11, 17],
}


def make_checkpoint() -> None:
    """Saves the model and a small tokenizer whose ids all lie in the real vocabulary."""
    tokenizer = build_tokenizer(seed=0)
    ids = dict(
        zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    )
    special = {name: tokenizer.convert_tokens_to_ids(name) for name in ids}
    config = Qwen3VLConfig(
        text_config=TEXT
        | {
            "bos_token_id": None,
            "eos_token_id": special["<|im_end|>"],
            "pad_token_id": special["<|endoftext|>"],
        },
        vision_config=VISION,
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
        dtype="bfloat16",
    )
    config.architectures = ["Qwen3VLForConditionalGeneration"]
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e9:.2f} G parameters")
    model.save_pretrained(CHECKPOINT)
    processor = build_processor("qwen3_vl", tokenizer)
    for part in (processor.image_processor, processor.video_processor):
        # The tiny model's has smaller patches. About 1,200 patches an image, as photographs give.
        part.patch_size = VISION["patch_size"]
        part.size = {"shortest_edge": 1200 * 16 * 16, "longest_edge": 1300 * 16 * 16}
    processor.save_pretrained(CHECKPOINT)


def make_annotations() -> None:
    """Writes 1,000 synthetic images and 5,000 captions, laid out and written as COCO's are."""
    outputs = {
        "annotations_train": place(
            COCO / "annotations/captions_train2017.json", "file"
        ),
        "annotations_val": place(COCO / "annotations/captions_val2017.json", "file"),
        "images": place(COCO / "images-of-synthetic", "folder"),
    }
    params = {
        "train_images": 950,
        "val_images": 50,
        "captions_per_image": 5,
        "seed": 42,
    }
    synthetic_coco.run(FakeContext(), params, {}, outputs)
    for split in ("train2017", "val2017"):
        (COCO / "images-of-synthetic" / split).rename(COCO / split)


if __name__ == "__main__":
    make_annotations()
    make_checkpoint()
