"""Makes fakes of talking heads: another person's voice, and the own voice 0.4 and 0.8 s late.

    python data/avff-lips/fakes.py FOLDER/val.csv OUT --clips 200

OUT gets `clips.csv` and four files of each clip: `real`, `swap`, `shift400` and `shift800`. They have the same
video stream, and their sound went through the same decoder and encoder, so that only the match of lips and
voice differs. A shifted sound begins with its end. Needs `ffmpeg`.
"""

import argparse
import concurrent.futures
import csv
import os
import random
import subprocess

RATE = 48000


def sound(path):
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"],
                          check=True, capture_output=True).stdout


def write(video, samples, out):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", video, "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-",
                    "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "64k", "-shortest", out],
                   check=True, input=samples)


def late(samples, seconds):
    bytes = int(seconds * RATE) * 2
    return samples[-bytes:] + samples[:-bytes]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", help="real clips, with a column `video_name`")
    parser.add_argument("out", help="the folder to write")
    parser.add_argument("--clips", type=int, default=200, help="real clips to take")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    base = os.path.dirname(os.path.abspath(args.csv))
    with open(args.csv, newline="") as file:
        rows = list(csv.DictReader(file))
    rng = random.Random(args.seed)
    rng.shuffle(rows)
    rows = rows[:args.clips]
    os.makedirs(args.out, exist_ok=True)

    def one(at):
        row = rows[at]
        # The voice of another speaker.
        others = [other for other in rows if other.get("voice") != row.get("voice") or "voice" not in row]
        other = random.Random(f"{args.seed}/{at}").choice([o for o in others if o is not row])
        video = os.path.join(base, row["video_name"])
        own, foreign = sound(video), sound(os.path.join(base, other["video_name"]))
        kinds = {"real": own, "swap": foreign, "shift400": late(own, 0.4), "shift800": late(own, 0.8)}
        made = []
        for kind, samples in kinds.items():
            name = f"{at:04d}_{kind}.mp4"
            write(video, samples, os.path.join(args.out, name))
            made.append({**row, "video_name": name, "target": int(kind != "real"), "kind": kind})
        return made

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        made = [row for rows in pool.map(one, range(len(rows))) for row in rows]
    with open(os.path.join(args.out, "clips.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in made for key in row)))
        writer.writeheader()
        writer.writerows(made)


if __name__ == "__main__":
    main()
