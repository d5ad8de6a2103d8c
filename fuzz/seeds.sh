#!/usr/bin/env bash
# Fills fuzz/corpus with seed files for the fuzz targets, most of them fixtures of the repository.
set -euo pipefail
cd "$(dirname "$0")"
media=../crates/avff-media/tests/fixtures/media

fill() {
    mkdir -p "corpus/$1"
    cp "${@:2}" "corpus/$1/"
}
# Small fixtures only: many short runs let the fuzzer find more.
fill mp4 "$media"/{fragmented,h264_vfr,opengop_cropped_alac}.mp4 "$media"/*.mov \
    "$media"/bad/{one_frame_20ms,no_audio,truncated_head}.mp4
fill image "$media"/h264_vfr.frame18.png "$media"/h264_rotated90.frame41.png
fill manifest ../crates/avff/tests/fixtures/sample.csv
fill ffmpeg "$media"/../ffmpeg/*.{mp4,mkv,ts,mov,mpg,webm} "$media"/bad/one_frame_20ms.mp4
fill metadata ../crates/avff-datasets/tests/fixtures/layouts/mavos-dd/*
fill checkpoint ../crates/avff-model/tests/fixtures/*.pth ../crates/avff/tests/fixtures/untrained-tiny.safetensors
mkdir -p corpus/{audio_track,fit,spec_json,wav}
printf '%s' '{"video":{"frames":16,"height":224,"width":224,"fit":"resize","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]},"audio":{"frames":1024,"mels":128,"mean":-5.081,"std":4.4849},"sampling":{"window":{"seconds":3.2,"fps":5.0,"stride":1.6}},"trim_silence":{"below_db":-60.0,"at_most":0.5}}' \
    > corpus/spec_json/windows.json
# One file for each metadata format that has no fixture.
seed() { printf '%b' "$2" > "corpus/metadata/$1"; }
seed fakeavceleb.csv 'source,target1,target2,method,category,type,race,gender,path,\nid1,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,FakeAVCeleb/x\n'
seed dfdc.json '{"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"}}'
seed dfdc.csv 'filename,label\na.mp4,1\n'
seed kodf.csv '\xef\xbb\xbf영상ID,타겟영상,타겟UUID,소스UUID,변조모델\na.mp4,b.mp4,u1,u2,dfl\n'
seed lav-df.json '[{"file": "test/1.mp4", "n_fakes": 1, "fake_periods": [[1, 2]], "original": null, "modify_video": true, "modify_audio": false, "split": "test"}]'
seed av-deepfake1m.json '[{"file": "a/b/c.mp4", "original": null, "split": "train", "modify_type": "both_modified", "audio_model": "vits", "fake_segments": [[1, 2]]}]'
seed av-deepfake1m.txt 'a.mp4\nb.mp4\n'
seed kinetics.csv 'label,youtube_id,time_start,time_end,split\nyoga,b,1,11,val\n'
# 256 stereo samples of 16 bits, and 128 of 32-bit floats.
for format in '\x01\x00:\x04\x00\x10\x00' '\x03\x00:\x08\x00\x20\x00'; do
    tag=${format%%:*} size=${format##*:}
    printf "RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0${tag}\x02\0\x40\x1f\0\0\0\0\0\0${size}data\0\x04\0\0" \
        > "corpus/wav/${tag//[^0-9]/}.wav"
    head -c 1024 /dev/zero | tr '\0' '\1' >> "corpus/wav/${tag//[^0-9]/}.wav"
done
