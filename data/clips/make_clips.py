"""Writes the four sample clips beside this file: python make_clips.py

match_a and match_b hold a face whose mouth follows its own voice; swapped_a is the picture of a
with the sound of b, swapped_b the reverse. Every stream is coded once and only joined afterwards,
so that a matched and a swapped clip differ in nothing but the pairing. Needs numpy, and ffmpeg with
libx264 on the PATH; the same versions of both write the same bytes again.
"""

import pathlib
import subprocess
import tempfile
import wave

from face import SIZE, film
from person import PEOPLE
from voice import RATE, speak

SECONDS, FPS = 3.6, 25
HERE = pathlib.Path(__file__).parent
CLIPS = {  # name: whose picture, whose sound
    "match_a": ("a", "a"),
    "match_b": ("b", "b"),
    "swapped_a": ("a", "b"),
    "swapped_b": ("b", "a"),
}
# No dates, versions or other traces of the run in the files.
EXACT = "-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact".split()
RAW = f"-f rawvideo -pix_fmt rgb24 -s {SIZE}x{SIZE} -r {FPS} -i -".split()
# The matrix is written down, for players would guess it. One thread: their count changes the bytes.
H264 = (
    "-vf scale=out_color_matrix=bt601:out_range=tv:flags=accurate_rnd+full_chroma_int"
    " -colorspace smpte170m -color_range tv -c:v libx264 -profile:v high -pix_fmt yuv420p"
    " -crf 21 -g 50 -threads 1"
).split()
AAC = "-c:a aac -profile:a aac_low -b:a 40k".split()


def ffmpeg(*args, stdin=None):
    """Runs ffmpeg; the last argument is the file to write."""
    *args, out = map(str, args)
    subprocess.run(["ffmpeg", "-v", "error", "-y", *args, *EXACT, out], input=stdin, check=True)


def write_wave(path, sound):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((sound * 32767).round().astype("<i2").tobytes())


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, who in PEOPLE.items():
            sound, mouth = speak(who, SECONDS, FPS)
            write_wave(folder / "voice.wav", sound)
            ffmpeg("-i", folder / "voice.wav", *AAC, folder / f"{name}.m4a")
            frames = b"".join(frame.tobytes() for frame in film(who, mouth, FPS))
            ffmpeg(*RAW, *H264, folder / f"{name}.mp4", stdin=frames)
        for clip, (picture, sound) in CLIPS.items():
            streams = "-i", folder / f"{picture}.mp4", "-i", folder / f"{sound}.m4a"
            join = "-map 0:v -map 1:a -c copy -movflags +faststart".split()
            ffmpeg(*streams, *join, HERE / f"{clip}.mp4")


if __name__ == "__main__":
    main()
