"""Makes video files of synthetic talking heads, as cameras and web sites would leave them.

    python data/avff-lips/clips.py FOLDER --voices ~/.cache/avff-voices --parts 10

Needs `avff` (built with cargo, or --avff) and `ffmpeg` with x264. FOLDER gets `train.csv` and
`val.csv`, and a folder for each part: 160 clips of one frame rate and size. A part that is there
is not made again, so a run that was stopped goes on, and more parts can be added later.

`avff synth` draws the frames. Here they become H.264 and AAC or MP3, most of them twice, at many
rates and sizes, with the sound up to one frame early or late. Everything follows from --seed.
"""

import argparse
import concurrent.futures
import csv
import os
import random
import shutil
import subprocess
import zlib

# Frames a second and the shorter side of a part's frames. Most web videos have 24 to 30 frames a second.
KINDS = [(25, 176), (30, 160), (25, 224), (24, 144), (25, 192), (50, 144), (30, 208), (25, 160), (24, 176), (60, 160)]
SECONDS = 4.4
# FFmpeg's options of --clean.
CLEAN = ["-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-preset", "veryfast", "-crf", "2", "-pix_fmt", "yuv420p",
         "-threads", "1", "-c:a", "aac", "-b:a", "256k", "-ar", "48000"]


def encoder(rng, last):
    """FFmpeg's options of one generation of a video file."""
    quality = rng.randint(18, 32) if last else rng.randint(14, 28)
    preset = rng.choice(["ultrafast", "veryfast", "veryfast", "medium"])
    size = rng.choice([None, None, 144, 180, 240, 320]) if last else None
    scale = f"scale=-2:{size}" if size else "scale=trunc(iw/2)*2:trunc(ih/2)*2"
    sound = rng.choice(["aac", "aac", "libmp3lame"])
    # MP3 has no lower rates at 48 kHz.
    rate = rng.choice([32, 64, 96, 128])
    return ["-vf", scale, "-c:v", "libx264", "-preset", preset, "-crf", str(quality), "-pix_fmt", "yuv420p", "-threads", "1",
            "-c:a", sound, "-b:a", f"{rate}k", "-ar", str(rng.choice([32000, 44100, 48000])), "-ac", str(rng.choice([1, 1, 2]))]


def encode(folder, out, fps, rng, clean):
    """Encodes the frames and the sound of a folder, most often twice."""
    ffmpeg = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1"]
    lag = 0 if clean else rng.uniform(-1, 1) / fps
    delay = f"adelay={lag * 1000:.0f}:all=1" if lag > 0 else f"atrim=start={-lag:.4f},asetpts=PTS-STARTPTS"
    frames = next(name for name in sorted(os.listdir(folder)) if name.endswith((".png", ".jpg")))
    pattern = os.path.join(folder, "%06d" + os.path.splitext(frames)[1])
    sound = next(name for name in os.listdir(folder) if name.endswith(".wav"))
    source = ["-framerate", str(fps), "-start_number", str(int(os.path.splitext(frames)[0])), "-i", pattern,
              "-i", os.path.join(folder, sound), "-af", delay]
    if clean:
        subprocess.run([*ffmpeg, *source, *CLEAN, "-shortest", out], check=True)
        return
    twice = rng.random() < 0.75
    first = out + ".first.mkv" if twice else out
    subprocess.run([*ffmpeg, *source, *encoder(rng, not twice), "-shortest", first], check=True)
    if twice:
        subprocess.run([*ffmpeg, "-i", first, *encoder(rng, True), out], check=True)
        os.remove(first)


def make(number, args):
    """Makes a part; returns the names of its tables."""
    out = os.path.join(args.folder, f"part-{number:03d}")
    tables = [os.path.join(out, split + ".csv") for split in ("train", "val")]
    if os.path.exists(os.path.join(out, "done")):
        return tables
    fps, size = KINDS[number % len(KINDS)]
    frames = out + "-frames"
    command = [args.avff, "synth", frames, "--train", str(args.clips), "--val", str(args.clips // 10), "--test", "0",
               "--seed", str(args.seed * 1000 + number), "--mix", "real=1", "--people", "8000", "--head", args.head,
               "--size", str(size), "--fps", str(fps), "--seconds", str(SECONDS)]
    if args.voices:
        command += ["--voices", args.voices]
    if os.path.exists(os.path.join(frames, "synth.json")) or os.path.isdir(frames):
        command.append("--resume")
    subprocess.run(command, check=True)
    for table in tables:
        with open(os.path.join(frames, os.path.basename(table)), newline="") as file:
            rows = list(csv.DictReader(file))
        split = os.path.basename(table)[:-4]
        os.makedirs(os.path.join(out, split), exist_ok=True)

        def one(item):
            at, row = item
            name = f"{split}/{at:05d}.mp4"
            rng = random.Random(zlib.crc32(f"{args.seed}/{number}/{name}".encode()))
            encode(os.path.join(frames, row["video_name"]), os.path.join(out, name), fps, rng, args.clean)
            return {**row, "video_name": name, "fps": fps}

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            rows = list(pool.map(one, enumerate(rows)))
        write(table, rows)
    shutil.rmtree(frames)
    open(os.path.join(out, "done"), "w").close()
    return tables


def write(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="the folder of clips")
    parser.add_argument("--voices", help="the folder of recorded voices, from data/voices/make.py")
    parser.add_argument("--parts", type=int, default=10, help="parts to make in all")
    parser.add_argument("--first", type=int, default=0, help="the first part")
    parser.add_argument("--clips", type=int, default=160, help="training clips of a part; a tenth more for validation")
    parser.add_argument("--head", default="mesh", choices=["mesh", "drawn"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--avff", default="target/release/avff", help="the program")
    parser.add_argument("--clean", action="store_true", help="code once and well, without lag: to see what coding brings")
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    for number in range(args.first, args.parts):
        make(number, args)
        for split in ("train", "val"):
            rows = []
            for part in sorted(name for name in os.listdir(args.folder) if name.startswith("part-")):
                if os.path.exists(os.path.join(args.folder, part, "done")):
                    with open(os.path.join(args.folder, part, split + ".csv"), newline="") as file:
                        rows += [{**row, "video_name": f"{part}/{row['video_name']}"} for row in csv.DictReader(file)]
            write(os.path.join(args.folder, split + ".csv"), rows)


if __name__ == "__main__":
    main()
