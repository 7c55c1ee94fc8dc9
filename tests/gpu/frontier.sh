#!/usr/bin/env bash
# A measured frontier at full size on a real GPU: Qwen3-VL-4B with random weights, NVFP4 and FP8, language layers:
# scores, plans and controls in one batch, the uniform recipes of ModelOpt, pages; then again (nothing runs), then
# with one budget more (only its plans are measured). Figures of random weights show that measuring works, no more.
#
#   tests/gpu/frontier.sh          in the workspace, with a Python that has torch, transformers, ModelOpt
#
# It edits conf/: the synthetic images that stand for COCO are fewer, and eight budgets take fewer minutes than twenty.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${AQM_PYTHON:-$(command -v python3)}
cell=models/qwen3_vl_4b_instruct/quality/nvfp4_fp8/qwen3_vl_4b_instruct_nvfp4_fp8_lm_small
aqm() { node bin/aqm.js "$@" --python "$python"; }
say() { printf '\n=== %s\n' "$*"; }

say "checkpoint"
[ -f models/qwen3_vl_4b_instruct/checkpoints/Qwen3-VL-4B-Instruct/config.json ] ||
  PYTHONPATH=$PWD/python${PYTHONPATH:+:$PYTHONPATH} "$python" tests/gpu/random_checkpoint.py 2>&1 | grep -v Warning
sed -i -e 's/^full_samples: .*/full_samples: 128/' -e 's/report: [0-9]*/report: 150/' \
  -e 's/least_tokens: .*/least_tokens: 1000/' conf/dataset/coco2017.yaml
sed -i -E '/^  - (4\.6|4\.8|5\.2|5\.4|5\.8|6\.2|6\.6|6\.8|7\.25|7\.5|7\.75|8\.0)$/d' conf/quality/nvfp4_fp8.yaml
grep -A12 '^budgets' conf/quality/nvfp4_fp8.yaml
say "what it will cost"; aqm build --dry-run "$cell/**" | tail -8
say "first build"; time aqm build --reporter plain --keep-going "$cell/**" | grep -vE '^ *ran ' || true
say "second build"; time aqm build "$cell/**" | tail -2
say "one budget more"; sed -i 's/^  - 5.0$/  - 5.0\n  - 5.4/' conf/quality/nvfp4_fp8.yaml
time aqm build --reporter plain "$cell/**" | tail -4
head -60 "$cell/quality.md"
