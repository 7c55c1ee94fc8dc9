"""Times and memory of a running server. Untested: it needs vLLM on a machine with a GPU.

One sequence at a time, as a person waits for it. Prefill is the time to the first token of a prompt
of PROMPT tokens; decode is that of each of NEW further tokens. Both are medians, since the first
run of a shape compiles and a machine does other things. vLLM would take nearly all memory for its
cache of keys and values: it is given CACHE bytes, so that what is in use says something of weights.
"""

import statistics
import time
from typing import Any

PROMPT, NEW, RUNS = 512, 64, 5
CACHE = 1 << 30
# Any token does; the first ones of a vocabulary may be special.
TOKEN = 1000

# How the server is made for it: a prompt that was seen before must cost as much as a new one.
SETTINGS = {"enable_prefix_caching": False, "kv_cache_memory_bytes": CACHE}


def times_of(server: Any, sampling: Any) -> dict[str, Any]:
    """Returns the `speed` of a status.

    Args:
        server: vLLM's `LLM`, made with SETTINGS.
        sampling: vLLM's class `SamplingParams`.
    """
    prompt = {"prompt_token_ids": [TOKEN] * PROMPT}

    def seconds(tokens: int) -> float:
        how = sampling(temperature=0, max_tokens=tokens, ignore_eos=True)
        taken = []
        for _ in range(RUNS + 1):
            began = time.perf_counter()
            server.generate(prompt, how, use_tqdm=False)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken[1:])

    return speed_of(seconds(1), seconds(1 + NEW), used_bytes())


def speed_of(first: float, all_: float, used: int) -> dict[str, Any]:
    """Returns times in milliseconds.

    Args:
        first: Seconds to the first token.
        all_: Seconds to 1 + NEW tokens.
        used: Bytes of device memory in use.
    """
    return {
        "prompt_tokens": PROMPT,
        "new_tokens": NEW,
        "prefill_ms": 1000 * first,
        "decode_ms": 1000 * (all_ - first) / NEW,
        "peak_bytes": used,
        "cache_bytes": CACHE,
    }


def used_bytes() -> int:
    """Returns what is in use of the device, by whichever process: vLLM computes in one of its own.

    The device is leased to this job alone. Allocators keep what they once took, so that this is
    about the peak; the contexts of the processes are in it.
    """
    import torch

    free, total = torch.cuda.mem_get_info()
    return total - free
