"""Compares the time from a media file to tensors with decord, Pillow and torchaudio.

    cargo build --release -p avff --benches [--features ffmpeg]
    pip install torch==2.9.1 torchaudio==2.9.1 decord==0.6.0 pillow av numpy
    python benches/peer/data_path.py TARGET/release/deps/data_path-HASH [--decoder ffmpeg] [--rounds 5]

The ffmpeg program creates the clips: 10 s of 1280x720 with B-frames, and 10 s of 224x224 at 25 frames
per second, the size of a cropped talking head. The peer reads clips like the reference's data loader. It
decodes 16 frames over the clip with decord, resizes them with Pillow's bilinear filter, and interpolates a
Kaldi fbank of the complete audio. Each round times avff and the peer one after the other, with one clip at
a time and with one worker per core.
"""
import argparse, os, statistics, subprocess, sys, tempfile, time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

REPEATS = 4
CLIPS = {
    # Moving video with noise, because flat test patterns decode faster than any real clip.
    "720p": "testsrc2=s=1280x720:r=25:d=10,noise=alls=12:allf=t",
    "224x224": "testsrc2=s=224x224:r=25:d=10,noise=alls=6:allf=t",
}


def create_clips(folder):
    paths = {}
    for name, source in CLIPS.items():
        paths[name] = os.path.join(folder, f"{name}.mp4")
        audio = "aevalsrc=0.4*sin(900*t*t)+0.1*random(0):s=48000:d=10"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", audio]
            + "-c:v libx264 -preset medium -crf 23 -pix_fmt yuv420p -c:a aac -b:a 128k".split()
            + [paths[name]],
            check=True,
        )
    return paths


def load(path, threads):
    import av, decord
    from PIL import Image
    from torchaudio.compliance import kaldi

    reader = decord.VideoReader(path, num_threads=threads)
    indices = np.linspace(0, len(reader) - 1, 16).astype(int)
    frames = reader.get_batch(indices).asnumpy()
    frames = [np.asarray(Image.fromarray(f).resize((224, 224), Image.BILINEAR)) for f in frames]
    video = torch.from_numpy(np.stack(frames)).permute(3, 0, 1, 2).float() / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1, 1)
    video = (video - mean) / std
    with av.open(path) as container:
        rate = container.streams.audio[0].rate
        wave = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
    wave = torch.from_numpy(wave)
    wave = wave - wave.mean()
    fbank = kaldi.fbank(
        wave, htk_compat=True, sample_frequency=rate, use_energy=False, window_type="hanning",
        num_mel_bins=128, dither=0.0, frame_shift=10,
    )
    fbank = torch.nn.functional.interpolate(fbank.T[None], size=1024, mode="linear")[0].T
    return (fbank + 5.081) / 4.4849, video


class RepeatedClip(Dataset):
    def __init__(self, path, count):
        self.path, self.count = path, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        torch.set_num_threads(1)
        return load(self.path, 1)


def time_peer(path, workers):
    if workers == 1:
        start = time.perf_counter()
        for _ in range(REPEATS):
            load(path, 0)
        return (time.perf_counter() - start) / REPEATS
    loader = iter(DataLoader(RepeatedClip(path, (REPEATS + 1) * workers), batch_size=1, num_workers=workers))
    # The first clips are not timed, because the workers are starting.
    for _ in range(workers):
        next(loader)
    start = time.perf_counter()
    count = sum(1 for _ in loader)
    return (time.perf_counter() - start) / count


def time_avff(bench, decoder, path):
    text = subprocess.run([bench, "--decoder", decoder, path], check=True, capture_output=True, text=True)
    lines = [line.rsplit(" ", 2) for line in text.stdout.splitlines()]
    return {int(threads.split("=")[1]): float(seconds.split("=")[1]) for _, threads, seconds in lines}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--decoder", action="append")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        for name, path in create_clips(folder).items():
            load(path, 0)
            times, ratios = {}, {}
            for _ in range(args.rounds):
                peer_times = {workers: time_peer(path, workers) for workers in (1, cores)}
                for decoder in args.decoder or ["embedded"]:
                    for workers, seconds in time_avff(args.bench, decoder, path).items():
                        key = (decoder, workers)
                        times.setdefault(key, []).append((seconds, peer_times[workers]))
                        ratios.setdefault(key, []).append(seconds / peer_times[workers])
            for (decoder, workers), values in ratios.items():
                avff_seconds, peer_seconds = zip(*times[decoder, workers])
                mode = "one clip at a time" if workers == 1 else f"{workers} workers"
                print(
                    f"{name}, {decoder}, {mode}: {statistics.median(avff_seconds):.3f} s, "
                    f"peer {statistics.median(peer_seconds):.3f} s; ratio min {min(values):.2f} "
                    f"median {statistics.median(values):.2f} max {max(values):.2f}"
                )


if __name__ == "__main__":
    sys.exit(main())
