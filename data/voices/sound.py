"""Decodes clips, finds the speech in them, and measures pitch and loudness."""

import os
import subprocess
import tempfile

import numpy as np

RATE = 16000


def decode(clips, batch=40):
    """Yields (clip, samples) with mono samples at 16 kHz. One FFmpeg process decodes many clips,
    as most clips are so short that starting it would take longest."""
    for at in range(0, len(clips), batch):
        part = clips[at:at + batch]
        with tempfile.TemporaryDirectory() as folder:
            command = ["ffmpeg", "-nostdin", "-v", "error"]
            for number, clip in enumerate(part):
                path = clip.path
                if clip.data:
                    path = os.path.join(folder, f"in{number}")
                    open(path, "wb").write(clip.data)
                command += [*clip.format, "-i", path]
            for number in range(len(part)):
                command += ["-map", f"{number}:a:0", "-ac", "1", "-ar", str(RATE), "-f", "s16le",
                            os.path.join(folder, f"out{number}")]
            done = subprocess.run(command, stderr=subprocess.DEVNULL)
            if done.returncode and len(part) > 1:
                # One clip is bad: decode each alone and leave that one out.
                yield from decode(part, 1)
                continue
            for number, clip in enumerate(part):
                path = os.path.join(folder, f"out{number}")
                if os.path.exists(path):
                    yield clip, np.fromfile(path, np.int16)


def levels(x, hop=160, size=400):
    """The level of every 10 ms, in dB below full scale."""
    x = np.pad(x.astype(np.float32) / 32768, (size // 2, size))
    energy = np.concatenate([[0], np.cumsum(x.astype(np.float64) ** 2)])
    starts = np.arange(0, max(1, len(x) - size - size // 2), hop)
    return 10 * np.log10((energy[starts + size] - energy[starts]) / size + 1e-10)


def trim(x, margin=0.12):
    """Cuts silence before and after the speech, or returns nothing if there is no speech."""
    # A direct current offset would count as loudness.
    x = (x.astype(np.float32) - np.mean(x)).clip(-32768, 32767).astype(np.int16) if len(x) else x
    level = levels(x)
    loud = np.percentile(level, 95)
    # Speech is at most 32 dB below its loud parts, and above the noise between words.
    threshold = max(loud - 32, min(np.percentile(level, 5) + 6, loud - 12))
    active = np.flatnonzero(level > threshold)
    if loud < -55 or len(active) < 15:
        return None
    start = max(0, int((active[0] * 0.01 - margin) * RATE))
    end = min(len(x), int((active[-1] * 0.01 + 0.01 + margin) * RATE))
    return x[start:end]


def pitch(x):
    """The median pitch in Hz and the share of frames with a pitch."""
    x = x.astype(np.float32)
    starts = np.arange(0, len(x) - 960, 320)
    if not len(starts):
        return 0.0, 0.0
    frames = x[starts[:, None] + np.arange(960)]
    frames = (frames - frames.mean(1, keepdims=True)) * np.hanning(960)
    power = np.abs(np.fft.rfft(frames, 2048)) ** 2
    # Below 1 kHz the harmonics of the voice are strongest.
    power[:, int(1000 / RATE * 2048):] *= 0.1
    correlation = np.fft.irfft(power)
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(960), 2048)) ** 2)
    low, high = RATE // 450, RATE // 65
    rank = correlation[:, low:high] / (window[low:high] / window[0]) / (correlation[:, :1] + 1e-9)
    # A lag of two periods fits as well as one: take the shortest that is nearly as good.
    best = rank.max(1)
    first = np.argmax(rank > best[:, None] * 0.9, 1) + low
    loud = correlation[:, 0] > np.percentile(correlation[:, 0], 90) * 0.02
    voiced = (best > 0.55) & loud
    if voiced.sum() < 5:
        return 0.0, float(voiced.sum() / max(1, loud.sum()))
    return float(np.median(RATE / first[voiced])), float(voiced.sum() / max(1, loud.sum()))

