#!/usr/bin/env bash
# The grid at full size on a real GPU: Qwen3-VL-4B with random weights, the 16 published pairs.
#
#   tests/gpu/whole-grid.sh STAGE…     in a workspace of its own, with a Python that has ModelOpt
#
# setup       checkpoint, data
# lone        some pairs (AQM_LONE), medium, language layers, each in a process of its own
# grid        all 16 pairs, medium, in one build from nothing; the lone ones must have the same bits
# throughput  the same with autoquant=throughput; rank correlation with the default
# sizes       small and large as well, so that the grid is whole; medium must stay fresh
# images      all layers, images and text, twice: same bits
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${AQM_PYTHON:-$(command -v python3)}
model=models/qwen3_vl_4b_instruct/layer-analysis
pairs="$model/weight-{int4,int8,fp8,nvfp4}-act-*"
read -ra lone <<< "${AQM_LONE:-int8-act-int8 fp8-act-fp8 nvfp4-act-fp16 int4-act-fp8}"
aqm() { node bin/aqm.js "$@"; }
say() { printf '\n=== %s\n' "$*"; }
now() { date +%s%3N; }
seconds() { local took=$(($(now) - $1)); echo "$((took / 1000)).$((took % 1000 / 100))"; }
peak() { find "aqm.lock/$1" -name 'sensitivity-scores.json.json' -print0 | xargs -0 grep -h peak_gpu_memory_bytes | sort -t: -k2 -n | tail -1; }
forget() { rm -rf .aqm/store .aqm/history .aqm/fresh aqm.lock/models "$model"; }

for stage in "$@"; do
  say "$stage"; begun=$(now)
  case $stage in
    setup)
      nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
      "$python" tests/gpu/random_checkpoint.py 2>&1 | grep -v Warning
      aqm build --python "$python" datasets/vlm-quantize-calib
      aqm build --dry-run --python "$python" "$pairs/*_autoquant_*_lm_medium/*" | tail -4
      ;;
    lone)
      rm -rf /tmp/lone; mkdir /tmp/lone
      for pair in "${lone[@]}"; do
        from=$(now)
        aqm build --python "$python" --reporter plain "$model/weight-$pair/*_autoquant_*_lm_medium/*" | tail -1
        echo "lone $pair: $(seconds "$from") s, $(peak "$model/weight-$pair")"
        cp "$model/weight-$pair/"*_lm_medium/sensitivity-scores.json "/tmp/lone/$pair.json"
      done
      ;;
    grid)
      forget
      from=$(now)
      aqm build --python "$python" --reporter plain "$pairs/*_autoquant_*_lm_medium/*" | tail -24
      echo "16 pairs in one build: $(seconds "$from") s, $(peak "$model")"
      for pair in "${lone[@]}"; do
        cmp "/tmp/lone/$pair.json" "$model/weight-$pair/"*_lm_medium/sensitivity-scores.json && echo "same bytes: $pair"
      done
      aqm build --python "$python" "$pairs/*_autoquant_*_lm_medium/*"
      ;;
    throughput)
      from=$(now)
      aqm build --set autoquant=throughput --python "$python" --reporter plain "$pairs/*_autoquant_*_lm_medium/*" | tail -8
      echo "16 pairs, autoquant=throughput: $(seconds "$from") s, $(peak tmp)"
      "$python" tests/gpu/rank_correlation.py "$model" tmp/autoquant=throughput/"$model"
      ;;
    sizes)
      aqm build --dry-run --python "$python" "$pairs/*_autoquant_*_lm_*/*" | tail -4
      from=$(now)
      aqm build --python "$python" --reporter plain "$pairs/*_autoquant_*_lm_*/*" | tail -8
      echo "small and large of 16 pairs in one build: $(seconds "$from") s, $(peak "$model")"
      aqm build --python "$python" "$pairs/*_autoquant_*_lm_*/*"
      ;;
    images)
      run="$model/weight-{int8-act-int8,fp8-act-fp8}/*_autoquant_all_layers_*_small/*"
      for time in first second; do
        from=$(now)
        aqm build --python "$python" --reporter plain "$run" | grep -A8 -e '^error' -e '^done' -e '^failed'
        echo "all layers, $time: $(seconds "$from") s, $(peak "$model/weight-fp8-act-fp8")"
        sha256sum "$model"/weight-{int8-act-int8,fp8-act-fp8}/*_autoquant_all_layers_*_small/sensitivity-scores.json > "/tmp/$time.sums"
        rm -rf .aqm/store .aqm/history "$model"/weight-{int8-act-int8,fp8-act-fp8}/*_autoquant_all_layers_*_small/sensitivity-scores.json
      done
      cut -c1-20,65- /tmp/second.sums
      cmp /tmp/first.sums /tmp/second.sums && echo "same bytes twice"
      ;;
  esac
  echo "--- $stage took $(seconds "$begun") s"
done
