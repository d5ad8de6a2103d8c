#!/usr/bin/env bash
# All of training on the bundled clips: pre-training, its second stage, adaptation, fine-tuning, evaluation.
# Four clips teach nothing; it takes minutes on two cores and shows what each step reads and writes.
#
#   examples/three_stages.sh [FOLDER]     (default: runs/three-stages)
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:-runs/three-stages}"
avff=(cargo run --quiet --release -p avff --)
[ -n "${AVFF:-}" ] && avff=("$AVFF")
clips=(--set data.train=data/sample.csv --set data.validation=data/sample.csv --set data.batch=4 --set epochs=10 --set optimizer.lr=2e-4)

"${avff[@]}" train data/recipes/avff-tiny-stage1.toml --run "$out/stage1" "${clips[@]}"
"${avff[@]}" train data/recipes/avff-tiny-stage2.toml --run "$out/stage2" "${clips[@]}" \
    --set start.path="$out/stage1/checkpoints/best.safetensors"
"${avff[@]}" train data/recipes/avff-tiny-stage3.toml --run "$out/stage3" "${clips[@]}" \
    --set start.path="$out/stage2/checkpoints/best.safetensors"
"${avff[@]}" eval --checkpoint "$out/stage3/checkpoints/best.safetensors" --csv data/sample.csv \
    --output "$out/prediction.csv"
"${avff[@]}" runs "$out"
echo "curves: $out/stage1/plots/loss.png"
