#!/usr/bin/env bash
# Runs all stages of training on the bundled clips: pre-training, its second stage, adaptation, fine-tuning and
# evaluation. Once built, the script takes half a minute. It shows the files that each stage reads and writes; four
# clips are too few to train a useful network.
#
#   examples/three_stages.sh [FOLDER]     (default: runs/three-stages)
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:-runs/three-stages}"
avff=(cargo run --quiet --release -p avff --)
[ -n "${AVFF:-}" ] && avff=("$AVFF")
clips=(--set data.train=crates/avff/tests/fixtures/sample.csv --set data.validation=crates/avff/tests/fixtures/sample.csv --set data.batch=4)
# The recipes' learning rates are for batches of 32. With batches of four, the contrastive loss would diverge.
pretraining=(--set epochs=10 --set optimizer.lr=1e-4)

"${avff[@]}" train data/recipes/avff-tiny-stage1.toml --run "$out/stage1" "${clips[@]}" "${pretraining[@]}"
"${avff[@]}" train data/recipes/avff-tiny-stage2.toml --run "$out/stage2" "${clips[@]}" "${pretraining[@]}" \
    --set initialize.path="$out/stage1/checkpoints/best.safetensors"
"${avff[@]}" train data/recipes/avff-tiny-stage3.toml --run "$out/stage3" "${clips[@]}" --set epochs=40 --set optimizer.lr=1e-4 \
    --set initialize.path="$out/stage2/checkpoints/best.safetensors"
"${avff[@]}" eval --checkpoint "$out/stage3/checkpoints/best.safetensors" --csv crates/avff/tests/fixtures/sample.csv \
    --output "$out/prediction.csv"
"${avff[@]}" runs "$out"
# Column 3 of the tables is the training loss.
for stage in 1 2 3; do
    awk -F, -v stage=$stage 'NR == 2 { first = $3 } END { printf "stage %d: loss %.4f to %.4f\n", stage, first, $3; exit $3 >= first }' \
        "$out/stage$stage/result.csv"
    for file in recipe.toml run.json metrics.jsonl plots/loss.svg plots/loss.png checkpoints/last.safetensors; do
        [ -s "$out/stage$stage/$file" ] || { echo "stage $stage did not write $file" >&2; exit 1; }
    done
done
echo "loss curves: $out/stage1/plots/loss.png"
