"""Reads the shards of `avff pack` with webdataset, and the files of a CSV with decord, by two processes.

    python benches/peer/shards.py SHARDS [CSV]

Prints clips per second. Frames are decoded from JPEG (shards), or decoded and resized to 224 x 224 by Pillow (files);
the filterbank is read from the shards, and not computed for the files, which favors the files.
Needs webdataset, decord, Pillow and numpy.
"""

import csv
import io
import multiprocessing
import pathlib
import sys
import time

import numpy as np
from PIL import Image

SECONDS = 5


def of_shards(shards, until):
    import webdataset as wds

    clips = 0
    while time.time() < until:
        for sample in wds.WebDataset(shards, shardshuffle=False, nodesplitter=lambda x: x):
            frames = [
                np.asarray(Image.open(io.BytesIO(value)))
                for name, value in sorted(sample.items())
                if name.endswith("jpg")
            ]
            np.stack(frames)
            np.load(io.BytesIO(sample["000.npy"]))
            clips += 1
            if time.time() >= until:
                break
    return clips


def of_files(paths, until):
    import decord

    clips = 0
    while time.time() < until:
        for path in paths:
            video = decord.VideoReader(path)
            indices = np.linspace(0, len(video) - 1, 16).astype(int)
            frames = video.get_batch(indices).asnumpy()
            np.stack([np.asarray(Image.fromarray(f).resize((224, 224), Image.BILINEAR)) for f in frames])
            decord.AudioReader(path)[:].asnumpy()
            clips += 1
            if time.time() >= until:
                break
    return clips


def race(name, work, parts):
    with multiprocessing.Pool(len(parts)) as pool:
        until = time.time() + SECONDS
        start = time.time()
        clips = sum(pool.starmap(work, [(part, until) for part in parts]))
        print(f"{name}: {clips / (time.time() - start):.1f} clips/s")


def main():
    folder = pathlib.Path(sys.argv[1])
    shards = sorted(str(path) for path in folder.glob("*.tar"))
    processes = min(multiprocessing.cpu_count(), len(shards))
    race("webdataset", of_shards, [shards[i::processes] for i in range(processes)])
    if len(sys.argv) > 2:
        table = pathlib.Path(sys.argv[2])
        with open(table, newline="") as file:
            paths = [str(table.parent / row["video_name"]) for row in csv.DictReader(file)]
        race("decord", of_files, [paths] * multiprocessing.cpu_count())


if __name__ == "__main__":
    main()
