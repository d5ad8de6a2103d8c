"""Writes fixtures/loader/color.json: the results of torchvision's ColorJitter on a PIL image.

torchvision.transforms._functional_pil implements these four steps with Pillow only, so this script needs
only Pillow: pip install pillow numpy; python crates/avff-data/tests/reference/color.py
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

WIDTH, HEIGHT = 16, 12


def image():
    pixels = []
    for i in range(WIDTH * HEIGHT):
        if i % 12 == 11:
            pixels.append([i * 255 // 191] * 3)
        else:
            pixels.append([(i * 37 + 11) % 256, (i * 101 + i * i) % 256, (i * 17 + i * i * 3) % 256])
    return Image.fromarray(np.array(pixels, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3))


def hue(source, factor):
    h, s, v = source.convert("HSV").split()
    shifted = np.array(h, dtype=np.uint8) + np.int32(factor * 255).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(shifted, "L"), s, v)).convert("RGB")


STEPS = {
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "saturation": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "hue": hue,
}
FACTORS = {
    "brightness": [0.0, 0.37, 1.0, 1.9],
    "contrast": [0.0, 0.63, 1.0, 2.3],
    "saturation": [0.0, 0.81, 1.0, 1.7, 3.1],
    "hue": [-0.5, -0.213, -0.01, 0.0, 0.1, 0.5],
}

cases = [
    {"step": step, "factor": factor, "rgb": np.array(STEPS[step](image(), factor)).ravel().tolist()}
    for step, factors in FACTORS.items()
    for factor in factors
]
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
path = Path(__file__).parent.parent / "fixtures/loader/color.json"
path.write_text(f"[\n{lines}\n]\n")
print(Image.__version__, len(cases))
