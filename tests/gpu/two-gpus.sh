#!/usr/bin/env bash
# Two GPUs of one host: the 16 published pairs of Qwen3-VL-4B with random weights, on one of them and on both.
#
#   tests/gpu/two-gpus.sh STAGE…     in a workspace of its own, with a Python that has ModelOpt (AQM_PYTHON)
#
# setup     checkpoint, data, and the CUDA extensions, so that no other stage is timed with them
# grid      all pairs on one GPU and on both, in turns, as often as AQM_TURNS says (2); the bytes must be the same.
#           AQM_BEFORE names another checkout of aqm, set up in the same way: its build runs on one GPU while this
#           one's runs on the other
# killed    the runner is killed while it scores on both; the next build makes what is missing
# foreign   another process holds half of one GPU, then nearly all of it
# plans     144 measured plans on one GPU and on both; the bytes must be the same (tests/gpu/plan-quality.py)
# spread    layers of one model on both (tests/gpu/spread.py)
set -uo pipefail
cd "$(dirname "$0")/../.."
python=${AQM_PYTHON:-$(command -v python3)}
before=${AQM_BEFORE:-}
model=models/qwen3_vl_4b_instruct/layer-analysis
pairs="$model/weight-{int4,int8,fp8,nvfp4}-act-*/qwen3_vl_4b_instruct_autoquant_*_lm_medium/sensitivity-scores.json"
aqm() { node bin/aqm.js "$@"; }
say() { printf '\n=== %s\n' "$*"; }
now() { date +%s%3N; }
forget() { rm -rf .aqm/store .aqm/history .aqm/fresh aqm.lock/models "$model"; }
sum() { find "$model" -name sensitivity-scores.json | sort | xargs cat | sha256sum | cut -c1-16; }
count() { find "$model" -name sensitivity-scores.json | wc -l; }

# What, GPUs: a build from nothing, what it took, its bytes.
timed() {
  local from log; from=$(now); log=$(mktemp)
  aqm build -k --python "$python" --reporter plain --gpus "$2" "$pairs" > "$log" 2>&1
  echo "$1: exit $?, $(($(now) - from)) ms, $(count) of 16, bytes $(sum); $(tail -1 "$log")"
  grep -E '^(warning|waiting)| instead of GPU' "$log" | head -3
  rm -f "$log"
}
from_nothing() { forget; timed "$@"; }

for stage in "$@"; do
  say "$stage"; begun=$(now)
  case $stage in
    setup)
      nvidia-smi --query-gpu=index,name,memory.used --format=csv,noheader
      "$python" tests/gpu/random_checkpoint.py 2>&1 | grep -v Warning | tail -1
      aqm build --python "$python" datasets/vlm-quantize-calib | tail -1
      aqm build --python "$python" --gpus 0 "$model/weight-fp8-act-fp8/*_autoquant_*_lm_small/sensitivity-scores.json" | tail -1
      ;;
    grid)
      for turn in $(seq "${AQM_TURNS:-2}"); do
        [ -z "$before" ] || (cd "$before" && from_nothing "before, GPU $((turn % 2))" $((turn % 2))) &
        from_nothing "one GPU, turn $turn" $(((turn + 1) % 2))
        wait
        from_nothing "two GPUs, turn $turn" 0,1
      done
      ;;
    killed)
      forget
      log=$(mktemp)
      aqm build -k --python "$python" --reporter plain --gpus 0,1 "$pairs" > "$log" 2>&1 & build=$!
      until grep -qE ': score [0-9]+ of' "$log" || ! kill -0 $build; do sleep 0.2; done
      kill -9 "$(pgrep -f 'm aqm_runner$' | head -1)"
      wait $build; echo "killed: exit $?, $(count) of 16; $(tail -1 "$log")"
      timed "then" 0,1
      ;;
    foreign)
      for bytes in 70e9 135e9; do
        "$python" -c "import time, torch; x = torch.empty(int($bytes), dtype=torch.uint8, device='cuda:0'); print('held', flush=True); time.sleep(600)" > /tmp/held & other=$!
        until grep -q held /tmp/held || ! kill -0 $other; do sleep 0.2; done
        from_nothing "another process holds $bytes bytes of GPU 0" 0,1
        kill $other; wait $other 2> /dev/null
      done
      ;;
    plans)
      PYTHONPATH=python:${PYTHONPATH:-} "$python" -u tests/gpu/plan-quality.py shared --plans 144 --devices 0,1 2>&1 |
        grep -E '^(lm-|  a plan|warning)'
      ;;
    spread)
      TORCH_EXTENSIONS_DIR=$(dirname "$(find "${AQM_CACHE:-$HOME/.cache/aqm}" -type d -name modelopt_cuda_ext | head -1)") \
        PYTHONPATH=python:${PYTHONPATH:-} "$python" -u tests/gpu/spread.py 2>&1 | grep -E '^(one|capped|two|refused|the bits)'
      ;;
  esac
  echo "--- $stage took $(($(now) - begun)) ms"
done
