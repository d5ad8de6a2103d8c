"""Writes ../fixtures/perturb.json: frames and waves after the published perturbations, by OpenCV, NumPy and SoX.

    pip install numpy opencv-python-headless scipy && apt-get install sox && python perturb.py

The functions state what DeeperForensics-1.0 and AuViRe publish. Random numbers are given, so that both sides use the
same ones.
"""

import json
import pathlib
import subprocess
import tempfile

import cv2
import numpy as np
import scipy
from scipy.io import wavfile

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "perturb.json"
rng = np.random.default_rng(20261201)
RATE = 8000


def forth(bgr):
    ycc = cv2.cvtColor(bgr.astype(np.float32), cv2.COLOR_BGR2YCR_CB)[:, :, (0, 2, 1)].astype(np.float32)
    ycc[:, :, 0] = (ycc[:, :, 0] * 219 + 16) / 255.0
    ycc[:, :, 1:] = (ycc[:, :, 1:] * 224 + 16) / 255.0
    return ycc


def back(ycc):
    ycc = ycc.astype(np.float32)
    ycc[:, :, 0] = (ycc[:, :, 0] * 255.0 - 16) / 219
    ycc[:, :, 1:] = (ycc[:, :, 1:] * 255.0 - 16) / 224
    return cv2.cvtColor(ycc[:, :, (0, 2, 1)].astype(np.float32), cv2.COLOR_YCR_CB2BGR)


def cs(bgr, factor):
    ycc = forth(bgr)
    ycc[:, :, 1:] = 0.5 + (ycc[:, :, 1:] - 0.5) * factor
    # The low byte of an integer, as x86 gives it for a cast from float to uint8.
    return (back(ycc).astype(np.int32) & 255).astype(np.uint8)


def gnc(bgr, variance, normal):
    ycc = forth(bgr) / 255
    # The numbers are drawn for Y, Cb, Cr of each pixel.
    return np.clip(back((ycc + np.sqrt(variance) * normal) * 255), 0, 255).astype(np.uint8)


def jpeg(bgr, factor):
    height, width, _ = bgr.shape
    return cv2.resize(cv2.resize(bgr, (width // factor, height // factor)), (width, height))


def noise(wave, ratio, normal):
    return wave + np.sqrt((wave**2).sum() / (ratio * (normal**2).sum())) * normal


def reverb(wave, reverberance):
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/a.wav", f"{folder}/b.wav"
        # Half of full scale, so that nothing is clipped. 64-bit samples keep every digit.
        wavfile.write(source, RATE, wave)
        command = ["sox", "-D", source, "-e", "floating-point", "-b", "64", target, "reverb", str(reverberance), "50", "100", "0", "20", "0"]
        subprocess.run(command, check=True)
        return wavfile.read(target)[1]


def numbers(values):
    return [round(float(value), 7) for value in np.asarray(values).ravel()]


def main():
    height, width = 22, 26
    smooth = cv2.resize(rng.integers(0, 256, (5, 6, 3)).astype(np.uint8), (width, height))
    rgb = np.clip(smooth.astype(int) + rng.integers(-20, 21, smooth.shape), 0, 255).astype(np.uint8)
    bgr = rgb[:, :, ::-1].copy()
    normal = rng.normal(size=(height, width, 3)).round(6)
    frames = [("cs", level, cs(bgr, value)) for level, value in [(1, 0.4), (5, 0.0)]]
    frames += [("cc", level, (bgr.astype(np.float32) * value).astype(np.uint8)) for level, value in [(1, 0.85), (5, 0.35)]]
    frames += [("gnc", level, gnc(bgr, value, normal)) for level, value in [(1, 0.001), (5, 0.05)]]
    frames += [("gb", level, cv2.GaussianBlur(bgr, (taps, taps), taps / 6)) for level, taps in [(1, 7), (5, 21)]]
    frames += [("jpeg", level, jpeg(bgr, factor)) for level, factor in [(1, 2), (2, 3), (5, 6)]]
    time = np.arange(1600) / RATE
    wave = (0.3 * np.sin(2 * np.pi * 220 * time) * np.exp(-3 * time)).astype(np.float32).astype(np.float64)
    drawn = rng.normal(size=wave.shape).round(6)
    OUT.write_text(json.dumps({
        "made_by": f"perturb.py with OpenCV {cv2.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, SoX 14.4.2",
        "width": width,
        "height": height,
        "rgb": rgb.ravel().tolist(),
        "normal": numbers(normal),
        "frames": [{"name": name, "level": level, "rgb": frame[:, :, ::-1].ravel().tolist()} for name, level, frame in frames],
        "rate": RATE,
        "wave": numbers(wave),
        "drawn": numbers(drawn),
        "gn": numbers(noise(wave, 10, drawn)),
        "rv": [{"level": level, "wave": numbers(reverb(wave, value))} for level, value in [(1, 20), (5, 100)]],
    }) + "\n")


main()
