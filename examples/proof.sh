#!/usr/bin/env bash
# Tests whether the network learns that a voice and a face belong together. The script renders synthetic clips, then
# pre-trains, adapts, fine-tunes and evaluates the preset avff-tiny and its variants on equal data. The results are in
# docs/src/archive/experiments.md.
#
#   examples/proof.sh FOLDER [VARIANT...]     (default: only `avff`; `all` runs every variant)
#
# Environment variables:
#   SEEDS="0 1 2"  the random seeds (default: 0)
#   AVFF           the program (default: built with cargo)
#   JOBS           the number of runs at the same time, each with a log file of its own (default: 1)
#
# Finished runs are skipped, and interrupted runs are resumed. In stage 3, `avff` trains for five epochs and the variants
# for three; `three-passes` is the baseline of the variants. One variant and seed takes about 20 minutes on two cores, and
# `avff` takes longer. For many runs, JOBS=2 with RAYON_NUM_THREADS=1 is faster. The numbers are equal on the same kind of
# processor. A program built with `--features cuda` trains on the GPU, which has memory for ten runs at the same time:
# docs/src/archive/performance.md. examples/ablation.rs collects all results in one table.
set -euo pipefail
script="$(realpath "$0")"
cd "$(dirname "$script")/.."
out="$(realpath -m "${1:?the argument FOLDER is missing}")"
shift
variants=("$@")
[ ${#variants[@]} -eq 0 ] && variants=(avff)
[ "${variants[*]}" = all ] && variants=(avff three-passes open-avff mel-slices batch-attention features-head means-head clip-contrast
    clip-maps shared-mask all-patches adversarial time-roll no-contrast no-reconstruction no-pretraining only-audio only-video)
avff=(cargo run --quiet --release -p avff --)
[ -n "${AVFF:-}" ] && avff=("$AVFF")

# No two sets share faces, voices or syllables. The training mix has more lip-sync clips than the test mix. Their traces
# are the only evidence that does not depend on audio and frames together, and need the most clips to learn.
mix=real=8,voice-swap=2,time-shift=2,mouth-swap=1,mouth-swap-traces=1,lip-sync=4,both-swap=1
small=(--size 64 --fps 5 --people 2000)
synth() { [ -e "$out/data/$1/synth.json" ] || "${avff[@]}" synth "$out/data/$1" "${small[@]}" "${@:2}"; }
synth real --train 12000 --val 800 --test 0 --seed 11 --mix real=1
synth mixed --train 10000 --val 800 --test 0 --seed 14 --mix "$mix"
synth test --train 0 --val 0 --test 2000 --seed 15
synth late --train 0 --val 0 --test 800 --seed 16 --shift-min 320 --mix real=1,time-shift=1
synth half --train 0 --val 0 --test 400 --seed 17 --half 1 --mix voice-swap=1,mouth-swap=1

# Runs the variants in parallel, each with this script.
if [ "${JOBS:-1}" -gt 1 ]; then
    for seed in ${SEEDS:-0}; do printf "$seed %s\n" "${variants[@]}"; done |
        JOBS=1 xargs -P "$JOBS" -L 1 bash -c '
            log="$1/$3-$2.log"
            if SEEDS="$2" "$0" "$1" "$3" > "$log" 2>&1; then echo "$3, seed $2: done"; else echo "$3, seed $2: $log"; exit 1; fi
        ' "$script" "$out"
    exit
fi

# The statistics printed by
# `avff check data/real/train.csv --fbank-frames 256 --mels 64 --fbank-rate 16000 --frame-ms 16 --shift-ms 4`.
clips=(--set data.clip.audio.mean=-5.4019 --set data.clip.audio.std=3.0987)
# The configuration of the released networks at the size of avff-tiny.
open=(--set model.preset=open-avff --set "model.config={audio={frames=256,mels=64},video={height=64,width=64},encoder={dim=96,depth=2,heads=3},decoder={dim=48,depth=1,heads=3},head={hidden=128}}")

# Sets the options of a variant: `both` for both stages, `first` for stage 1 only, `third` for stage 3 only.
differs() {
    both=() first=() third=()
    [ "$1" = avff ] || third=(--set epochs=3)
    case "$1" in
        avff | three-passes) ;;
        open-avff) both=("${open[@]}" --set data.augment.noise.level=0.1 --set data.augment.noise.roll=true)
            third+=(--set 'optimizer.groups=[{keys=["a2v.mlp.","v2a.mlp.","mlp_vision","mlp_audio","mlp_head."],lr_factor=2}]') ;;
        mel-slices) both=(--set model.config.audio_slices=mel) ;;
        batch-attention) both=(--set model.config.fusion_attention=batch) ;;
        features-head) third+=(--set model.config.head.input=features) ;;
        means-head) third+=(--set model.config.head.input=token-means) ;;
        clip-contrast) both=(--set model.config.loss.contrastive_over=clips) ;;
        clip-maps) both=(--set model.config.token_span=clip) ;;
        shared-mask) both=(--set model.config.mask=per-batch) ;;
        all-patches) both=(--set model.config.reconstruction.region=all) ;;
        adversarial) first=(--set adversarial.weight=0.1) ;;
        no-contrast) both=(--set model.config.loss.contrastive=0) ;;
        no-reconstruction) both=(--set model.config.loss.reconstruction=0) ;;
        time-roll) both=(--set data.augment.noise.level=0 --set data.augment.noise.roll=true) ;;
        # As many epochs as both stages have together.
        no-pretraining) third+=(--set 'initialize={from="scratch"}' --set epochs=6) ;;
        only-audio) third+=(--set data.clip.only=audio) ;;
        only-video) third+=(--set data.clip.only=video) ;;
        *) echo "unknown variant: $1" >&2; exit 2 ;;
    esac
}

# Trains one run. Skips a finished run and resumes an interrupted run. Variants that differ only in stage 3 share stage 1,
# so a lock makes the second process wait for the first.
train() (
    local run="$1"
    mkdir -p "$(dirname "$run")"
    exec 9> "$run.lock"
    if command -v flock > /dev/null; then flock 9; fi
    [ -e "$run/done" ] && return
    if [ -e "$run/run.json" ]; then
        "${avff[@]}" train --resume "$run"
    else
        "${avff[@]}" train "${@:2}" --run "$run"
    fi
    touch "$run/done"
)

for seed in ${SEEDS:-0}; do
    for variant in "${variants[@]}"; do
        differs "$variant"
        own="$out/$variant-$seed"
        stage1="$own/stage1"
        # Variants that differ only in stage 3 share the weights of stage 1.
        case "$variant" in three-passes | *-head | only-*) stage1="$out/avff-$seed/stage1" ;; esac
        common=("${clips[@]}" --set seed="$seed" "${both[@]}")
        if [ "$variant" != no-pretraining ]; then
            train "$stage1" data/recipes/avff-tiny-stage1.toml "${common[@]}" "${first[@]}" \
                --set data.train="$out/data/real/train.csv" --set data.validation="$out/data/real/val.csv"
            third+=(--set initialize.path="$stage1/checkpoints/best.safetensors")
        fi
        train "$own/stage3" data/recipes/avff-tiny-stage3.toml "${common[@]}" "${third[@]}" \
            --set data.train="$out/data/mixed/train.csv" --set data.validation="$out/data/mixed/val.csv"
        for set in test late; do
            [ -e "$own/$set.summary.json" ] && continue
            "${avff[@]}" eval --checkpoint "$own/stage3/checkpoints/best.safetensors" --by method --intervals \
                --csv "$out/data/$set/test.csv" --output "$own/$set.csv" --resume
        done
    done
done
