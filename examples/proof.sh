#!/usr/bin/env bash
# Does the network learn whether a voice and a face belong together? Makes clips, pre-trains, adapts, fine-tunes and
# evaluates preset avff-tiny, and variants of it on equal data: docs/experiments.md.
#
#   examples/proof.sh FOLDER [VARIANT...]     (default: avff alone; `all` for every one)
#
# SEEDS="0 1 2" says which seeds, AVFF which program. What is finished is not done again, and what was interrupted
# goes on. Variants have three passes of stage 3 where `avff` has five; `three-passes` is what they are held against.
# One variant and seed takes about 20 minutes on two cores, `avff` longer. JOBS=2 with RAYON_NUM_THREADS=1 is faster for many:
# so many at once, each to a log of its own; the numbers are the same, on the same kind of processor. A program that was
# built with `--features cuda` trains on the GPU, which has room for ten at once: docs/performance.md. examples/ablation.rs makes
# one table of all.
set -euo pipefail
script="$(realpath "$0")"
cd "$(dirname "$script")/.."
out="$(realpath -m "${1:?give a folder}")"
shift
variants=("$@")
[ ${#variants[@]} -eq 0 ] && variants=(avff)
[ "${variants[*]}" = all ] && variants=(avff three-passes open-avff mel-slices batch-attention features-head means-head clip-contrast
    clip-maps shared-mask all-patches adversarial time-roll no-contrast no-reconstruction no-pretraining only-audio only-video)
avff=(cargo run --quiet --release -p avff --)
[ -n "${AVFF:-}" ] && avff=("$AVFF")

# Faces, voices and syllables of no two sets are the same. More lip-sync clips to train on than to be tested on: their
# traces are the one thing that has nothing to do with sound and picture together, and take the most clips.
mix=real=8,voice-swap=2,time-shift=2,mouth-swap=1,mouth-swap-traces=1,lip-sync=4,both-swap=1
small=(--size 64 --fps 5 --people 2000)
synth() { [ -e "$out/data/$1/synth.json" ] || "${avff[@]}" synth "$out/data/$1" "${small[@]}" "${@:2}"; }
synth real --train 12000 --val 800 --test 0 --seed 11 --mix real=1
synth mixed --train 10000 --val 800 --test 0 --seed 14 --mix "$mix"
synth test --train 0 --val 0 --test 2000 --seed 15
synth late --train 0 --val 0 --test 800 --seed 16 --shift-min 320 --mix real=1,time-shift=1
synth half --train 0 --val 0 --test 400 --seed 17 --half 1 --mix voice-swap=1,mouth-swap=1

# Many at once, each by this script.
if [ "${JOBS:-1}" -gt 1 ]; then
    for seed in ${SEEDS:-0}; do printf "$seed %s\n" "${variants[@]}"; done |
        JOBS=1 xargs -P "$JOBS" -L 1 bash -c '
            log="$1/$3-$2.log"
            if SEEDS="$2" "$0" "$1" "$3" > "$log" 2>&1; then echo "$3, seed $2: done"; else echo "$3, seed $2: $log"; exit 1; fi
        ' "$script" "$out"
    exit
fi

# What `avff check data/real/train.csv --fbank-frames 256 --mels 64 --fbank-rate 16000 --frame-ms 16 --shift-ms 4` says.
clips=(--set data.clip.audio.mean=-5.4019 --set data.clip.audio.std=3.0987)
# The released networks' choices at the size of avff-tiny.
open=(--set model.preset=open-avff --set "model.config={audio={frames=256,mels=64},video={height=64,width=64},encoder={dim=96,depth=2,heads=3},decoder={dim=48,depth=1,heads=3},head={hidden=128}}")

# What differs: for both stages, for stage 1 alone, for stage 3 alone.
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
        clip-contrast) both=(--set model.config.loss.contrast_over=clips) ;;
        clip-maps) both=(--set model.config.token_span=clip) ;;
        shared-mask) both=(--set model.config.mask=per-batch) ;;
        all-patches) both=(--set model.config.reconstruction.region=all) ;;
        adversarial) first=(--set adversarial.weight=0.1) ;;
        no-contrast) both=(--set model.config.loss.contrast=0) ;;
        no-reconstruction) both=(--set model.config.loss.reconstruction=0) ;;
        time-roll) both=(--set data.augment.noise.level=0 --set data.augment.noise.roll=true) ;;
        # As many passes over clips as both stages have together.
        no-pretraining) third+=(--set 'start={from="scratch"}' --set epochs=6) ;;
        only-audio) third+=(--set data.clip.only=audio) ;;
        only-video) third+=(--set data.clip.only=video) ;;
        *) echo "no variant $1" >&2; exit 2 ;;
    esac
}

# A run that is finished is left alone, one that was interrupted goes on. Variants of stage 3 alone share stage 1: who comes
# second waits.
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
        start="$own/stage1"
        # What differs in stage 3 alone starts from the same weights.
        case "$variant" in three-passes | *-head | only-*) start="$out/avff-$seed/stage1" ;; esac
        common=("${clips[@]}" --set seed="$seed" "${both[@]}")
        if [ "$variant" != no-pretraining ]; then
            train "$start" data/recipes/avff-tiny-stage1.toml "${common[@]}" "${first[@]}" \
                --set data.train="$out/data/real/train.csv" --set data.validation="$out/data/real/val.csv"
            third+=(--set start.path="$start/checkpoints/best.safetensors")
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
