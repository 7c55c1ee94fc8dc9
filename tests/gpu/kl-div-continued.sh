#!/usr/bin/env bash
# Partial results on a real GPU: Qwen3-VL-4B with random weights, FP8 weights and activations, language layers,
# 16 samples, method kl_div. Scored from nothing; then again, the runner killed in the middle, and continued:
# how many items were measured and how many reused, and whether the bytes are the same.
#
#   tests/gpu/kl-div-continued.sh          in the workspace, with a Python that has torch, transformers, ModelOpt
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${AQM_PYTHON:-$(command -v python3)}
run=models/qwen3_vl_4b_instruct/layer-analysis/weight-fp8-act-fp8/qwen3_vl_4b_instruct_autoquant_wfp8_afp8_lm_small
variant="tmp/autoquant=kl_div_default/$run/sensitivity-scores.json"
aqm() { node bin/aqm.js "$@"; }
build() { aqm build --set autoquant=kl_div_default --layout tmp --python "$python" "$@" "$run/sensitivity-scores.json"; }
say() { printf '\n=== %s\n' "$*"; }

[ -e datasets/coco2017/source-data ] || "$python" tests/gpu/random_checkpoint.py 2>&1 | grep -v Warning
say "from nothing"; time build --reporter plain
first=$(sha256sum < "$variant")
grep -A16 '"facts": {' "aqm.lock/$variant.json"

say "again from nothing, and killed in the middle"
# The record too: of equal results the first is kept, with what it says of items.
rm -rf .aqm/store .aqm/history .aqm/partial "$variant" "aqm.lock/$variant.json"
build --json > events.json & pid=$!
until grep -q '"type":"action_step".*"done":1[0-9][0-9]' events.json; do kill -0 $pid; sleep 0.1; done
pkill -9 -f 'python.* -m aqm_runner'
wait $pid && { echo "IT WAS NOT KILLED"; exit 1; }
tail -n 1 events.json | cut -c1-300; rm events.json
[ ! -e "$variant" ] || { echo "SCORES OF A KILLED RUN"; exit 1; }

say "continued"; time build --reporter plain
grep -A16 '"facts": {' "aqm.lock/$variant.json"
[ "$first" = "$(sha256sum < "$variant")" ] && echo "same bytes" || { echo "OTHER BYTES"; exit 1; }
