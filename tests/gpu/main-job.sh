#!/usr/bin/env bash
# The main job at full size on a real GPU: Qwen3-VL-4B with random weights, FP8 weights and activations,
# language layers, 128 samples, through the whole chain; then again (nothing runs), then scored anew in
# another process (same bits), then a changed score size (stale), then killed in the middle (right next).
#
#   tests/gpu/main-job.sh          in the workspace, with a Python that has torch, transformers, ModelOpt
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${AQM_PYTHON:-$(command -v python3)}
run=models/qwen3_vl_4b_instruct/layer-analysis/weight-fp8-act-fp8/qwen3_vl_4b_instruct_autoquant_wfp8_afp8_lm_medium
aqm() { node bin/aqm.js "$@"; }
say() { printf '\n=== %s\n' "$*"; }

say "device"; nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
say "checkpoint"; time "$python" tests/gpu/random_checkpoint.py 2>&1 | grep -v Warning
say "dry run"; aqm build --dry-run --python "$python" "$run"
say "first build"; time aqm build --python "$python" --reporter plain "$run"
say "second build"; time aqm build --python "$python" "$run"
say "what was recorded"; grep -A6 -E '"(cost|facts|tools)": \{' "aqm.lock/$run/sensitivity-scores.json.json"
head -30 "$run/per-layer-sensitivity.md"
first=$(sha256sum < "$run/sensitivity-scores.json")

say "scored again in a new process: same bits?"
rm -rf .aqm/store .aqm/history "$run/sensitivity-scores.json"
time aqm build --python "$python" --reporter plain "$run"
[ "$first" = "$(sha256sum < "$run/sensitivity-scores.json")" ] && echo "same bits" || { echo "OTHER BITS"; exit 1; }

say "score size 128 -> 64: stale, with old and new value"
sed -i 's/^score_size: 128/score_size: 64/' conf/autoquant/gradient_default.yaml
aqm build --dry-run --python "$python" "$run" || true
say "kill -9 of the runner while it scores, then of aqm, then Ctrl-C"
for victim in runner aqm ctrl-c; do
  aqm build --python "$python" --json "$run" > events.json & pid=$!
  until grep -q '"name":"score"' events.json; do kill -0 $pid; sleep 0.2; done
  case $victim in
    runner) pkill -9 -f 'python.* -m aqm_runner' ;;
    aqm) pkill -9 -f 'bin/aqm.js build' ;;
    ctrl-c) pkill -INT -f 'bin/aqm.js build' ;;
  esac
  code=0; wait $pid || code=$?
  echo "$victim: aqm ended with $code"; tail -n 1 events.json | cut -c1-300
  # The runner of a killed aqm notices within a second or two.
  for _ in $(seq 50); do pgrep -f 'python.* -m aqm_runner' > /dev/null || break; sleep 0.2; done
  pgrep -f 'python.* -m aqm_runner' && { echo "A RUNNER IS LEFT"; exit 1; }
  nvidia-smi --query-gpu=memory.used --format=csv,noheader
done
rm events.json
say "the next build is right"
time aqm build --python "$python" --reporter plain "$run"
aqm build --dry-run --check --python "$python" "$run"
say "NVFP4 weights, which need CUDA"
aqm build --python "$python" --reporter plain \
  models/qwen3_vl_4b_instruct/layer-analysis/weight-nvfp4-act-fp16/qwen3_vl_4b_instruct_autoquant_wfp4_afp16_lm_medium
