#!/usr/bin/env bash
# What one GPU takes, in this tree and in one before it, on one machine: Qwen3-VL-4B with random weights.
#
#   AQM_BEFORE=OTHER_CHECKOUT tests/gpu/before-after.sh STAGE…     with a Python that has ModelOpt (AQM_PYTHON)
#
# setup      checkpoint and data, in both trees
# extensions compiles all of ModelOpt's CUDA extensions for both trees, so that no other stage does
# WHAT@now, WHAT@before: one run from nothing; exit code, milliseconds with start-up, a digest of the scores; its events
# lie in AQM_LOGS (/tmp) afterwards
#   fresh       one pair, medium; CUDA extensions are compiled, since caches (tmp/cache, tmp/extensions) are removed first
#   grid        all 16 pairs, medium, language layers and output head
#   throughput  the same with autoquant=throughput
#   images      two pairs, all layers, images and text, small
#   medium-images, batched-images: two pairs, all layers, 128 images, one a batch; and eight (autoquant=throughput)
#   random      35 plans measured by tests/gpu/plan-quality.py, which replaces the script of the tree before
#   groups      144 groups quantized alone, measured
set -uo pipefail
cd "$(dirname "$0")/../.."
python=${AQM_PYTHON:-$(command -v python3)}
before=${AQM_BEFORE:-}
script=$PWD/tests/gpu/plan-quality.py
model=models/qwen3_vl_4b_instruct/layer-analysis
all="$model/weight-{int4,int8,fp8,nvfp4}-act-*/qwen3_vl_4b_instruct_autoquant_*"
two_with_images="$model/weight-{int8-act-int8,fp8-act-fp8}/qwen3_vl_4b_instruct_autoquant_all_layers_*_medium/sensitivity-scores.json"
# Each tree has its own caches: with one for both, each compiles again what the other has compiled.
caches() { export AQM_CACHE=$PWD/tmp/cache TORCH_EXTENSIONS_DIR=$PWD/tmp/extensions; }
# Runs Python with the variables that a runner has: with others, PyTorch compiles extensions again.
like_a_runner() {
  env -i PATH="$PATH" HOME="$HOME" LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" ${CUDA_HOME:+CUDA_HOME="$CUDA_HOME"} \
    PYTHONPATH="python:${PYTHONPATH:-}" TORCH_EXTENSIONS_DIR="$PWD/tmp/extensions" CUDA_DEVICE_ORDER=PCI_BUS_ID \
    CUBLAS_WORKSPACE_CONFIG=:4096:8 HF_HUB_OFFLINE=1 "$python" "$@"
}
now() { date +%s%3N; }
forget() { rm -rf .aqm/store .aqm/history .aqm/fresh aqm.lock/models "$model" tmp/autoquant=throughput; }

# Scores below a folder, which it builds from nothing: outcome, milliseconds, phases, digest.
timed() {
  local where=$1 from took log code; shift
  forget; log=$(mktemp); from=$(now)
  node bin/aqm.js build -k --json --python "$python" "$@" > "$log" 2>&1
  code=$? took=$(($(now) - from))
  echo "exit $code, $took ms, $(find $where -name sensitivity-scores.json | sort | xargs cat | sha256sum | cut -c1-16)" \
    "$(find $where -name sensitivity-scores.json | wc -l) scores, peak $(grep -oh '"peak_gpu_memory_bytes":[0-9]*' "$log" | cut -d: -f2 | sort -n | tail -1)," \
    "$(grep -oE '"ms":[0-9]+,"type":"action_phase".*"name":"[a-z]+"' "$log" | sed -E 's/"ms":([0-9]+).*"name":"([a-z]+)"/\2 at \1/' | paste -sd' ')"
  grep '"type":"action_failed"' "$log" | head -1 | cut -c1-400
  mv "$log" "${AQM_LOGS:-/tmp}/$(basename "$PWD")-$from.ndjson"
}

run() {
  case $1 in
    fresh) rm -rf "$AQM_CACHE" "$TORCH_EXTENSIONS_DIR"; timed "$model" "$model/weight-fp8-act-fp8/qwen3_vl_4b_instruct_autoquant_*_lm_medium/sensitivity-scores.json" ;;
    grid) timed "$model" "${all}_lm_medium/sensitivity-scores.json" ;;
    throughput) timed tmp/autoquant=throughput --set autoquant=throughput "${all}_lm_medium/sensitivity-scores.json" ;;
    images) timed "$model" "$model/weight-{int8-act-int8,fp8-act-fp8}/qwen3_vl_4b_instruct_autoquant_all_layers_*_small/sensitivity-scores.json" ;;
    medium-images) timed "$model" "$two_with_images" ;;
    batched-images) timed tmp/autoquant=throughput --set autoquant=throughput "$two_with_images" ;;
    random | groups)
      cp "$script" tests/gpu/plan-quality.py 2> /dev/null
      mkdir -p tmp/plan-quality tmp/extensions && ln -sfn ../extensions tmp/plan-quality/extensions
      like_a_runner tests/gpu/plan-quality.py "$1" --plans "$([ "$1" = random ] && echo 30 || echo 144)" \
        2> /dev/null | grep -E 'plans,|a plan|figures'
      cat tmp/plan-quality/lm-{first,groups,few-groups}/*.json 2> /dev/null | sha256sum | cut -c1-16
      rm -rf tmp/plan-quality/lm-*
      ;;
  esac
}

for stage in "$@"; do
  if [ "$stage" = setup ]; then
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
    PYTHONPATH=python:${PYTHONPATH:-} "$python" tests/gpu/random_checkpoint.py 2> /dev/null | tail -1
    if [ -n "$before" ]; then
      mkdir -p "$before/models/qwen3_vl_4b_instruct" "$before/datasets/coco2017"
      cp -al models/qwen3_vl_4b_instruct/checkpoints "$before/models/qwen3_vl_4b_instruct/"
      cp -al datasets/coco2017/source-data "$before/datasets/coco2017/"
    fi
    # Reads the weights for the first time, so that no other stage is timed with that.
    for tree in . $before; do
      (cd "$tree" && caches && node bin/aqm.js build --python "$python" datasets/vlm-quantize-calib > /dev/null 2>&1
        node bin/aqm.js build --dry-run --python "$python" "${all}_lm_medium/sensitivity-scores.json" | grep -c 'to run') &
    done
    wait
  elif [ "$stage" = extensions ]; then
    for tree in . $before; do (cd "$tree" && mkdir -p tmp && like_a_runner -m aqm_runner.modelopt.prepare_extensions | tail -1) & done
    wait
  else
    echo "$stage: $( [ "${stage#*@}" = before ] && cd "$before"; caches; run "${stage%@*}")"
  fi
done
