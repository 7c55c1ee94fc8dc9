"""Tokenizers of the tiny checkpoints: the special tokens and the chat template of each family.

Names, order in a turn and whether text begins with a token of its own are those of the family's
published tokenizers, since that is what other libraries rely on. All else is trained here.
"""

import os
import random
from dataclasses import dataclass, field

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from aqm_runner.calibration.scenes import draw_scene
from aqm_runner.model.tiny_processor import MAX_LENGTH, TRAINING_SCENES, VOCABULARY


@dataclass(frozen=True)
class Speech:
    """How a family writes text and conversations.

    Attributes:
        special: All special tokens; their ids are their places here.
        end: Ends a turn, and an answer.
        pad: None where the family's tokenizer has none.
        begin: What a tokenizer puts before every text; None where it puts nothing.
        turn: Jinja of a message of the role `message.role` with the text or the parts `content`.
        answer: What the model is to go on from.
        named: More special tokens by the names that processors look them up by.
    """

    special: tuple[str, ...]
    end: str
    pad: str | None
    begin: str | None
    turn: str
    answer: str
    named: dict[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """Returns the chat template: turns of text, and of images where the family has a token."""
        image = self.named.get("boi_token") or self.named.get("image_token") or ""
        content = (
            "{% if message.content is string %}{{ message.content }}{% else %}"
            "{% for part in message.content %}"
            f"{{% if part.type == 'image' %}}{image}"
            "{% elif part.type == 'text' %}{{ part.text }}{% endif %}"
            "{% endfor %}{% endif %}"
        )
        turns = self.turn.replace("CONTENT", content)
        return (
            f"{self.begin or ''}{{% for message in messages %}}{turns}{{% endfor %}}"
            f"{{% if add_generation_prompt %}}{self.answer}{{% endif %}}"
        )


CHATML = Speech(
    special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    end="<|im_end|>",
    pad="<|endoftext|>",
    begin=None,
    turn="<|im_start|>{{ message.role }}\nCONTENT<|im_end|>\n",
    answer="<|im_start|>assistant\n",
)
LLAMA = Speech(
    special=(
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
    ),
    end="<|eot_id|>",
    pad=None,
    begin="<|begin_of_text|>",
    turn="<|start_header_id|>{{ message.role }}<|end_header_id|>\n\nCONTENT<|eot_id|>",
    answer="<|start_header_id|>assistant<|end_header_id|>\n\n",
)
MISTRAL = Speech(
    special=("<unk>", "<s>", "</s>", "[INST]", "[/INST]"),
    end="</s>",
    pad=None,
    begin="<s>",
    turn="{% if message.role == 'user' %}[INST] CONTENT [/INST]{% else %} CONTENT</s>{% endif %}",
    answer="",
)
PHI3 = Speech(
    special=("<unk>", "<s>", "</s>", "<|endoftext|>", "<|assistant|>", "<|user|>", "<|end|>"),
    end="<|end|>",
    pad="<|endoftext|>",
    begin=None,
    turn="<|{{ message.role }}|>\nCONTENT<|end|>\n",
    answer="<|assistant|>\n",
)
GEMMA = Speech(
    special=(
        "<pad>",
        "<eos>",
        "<bos>",
        "<unk>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<start_of_image>",
        "<end_of_image>",
        "<image_soft_token>",
    ),
    end="<end_of_turn>",
    pad="<pad>",
    begin="<bos>",
    turn="<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
    "CONTENT<end_of_turn>\n",
    answer="<start_of_turn>model\n",
    named={
        "image_token": "<image_soft_token>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
    },
)
LLAVA = Speech(
    special=("<unk>", "<s>", "</s>", "<pad>", "<image>"),
    end="</s>",
    pad="<pad>",
    begin="<s>",
    turn="{% if message.role == 'user' %}USER: CONTENT {% else %}ASSISTANT: CONTENT</s>{% endif %}",
    answer="ASSISTANT:",
    named={"image_token": "<image>"},
)


def build_speech(speech: Speech, seed: int) -> PreTrainedTokenizerFast:
    """Returns a byte-level BPE tokenizer trained on captions that `seed` draws; pads on the left.

    Special tokens have the first ids, in the order of `speech.special`.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    source = random.Random(seed)
    captions = [text for _ in range(TRAINING_SCENES) for text in draw_scene(source).captions()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True) for token in speech.special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    if speech.begin:
        begin = (speech.begin, speech.special.index(speech.begin))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{speech.begin} $A",
            pair=f"{speech.begin} $A {speech.begin}:1 $B:1",
            special_tokens=[begin],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=speech.pad,
        bos_token=speech.begin,
        eos_token=speech.end,
        padding_side="left",
        model_max_length=MAX_LENGTH,
        extra_special_tokens=dict(speech.named),
        chat_template=speech.template,
    )
