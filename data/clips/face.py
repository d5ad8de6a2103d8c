"""A face drawn with distance fields: anti-aliased ovals over a `[-1, 1]` square, y down."""

import numpy as np

SIZE = 256  # pixels a side
Y, X = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
EDGE = 1.3 * 2 / SIZE  # a sharp edge fades over 1.3 pixels
WHITE = np.array((240.0, 238.0, 234.0))


def oval(x, y, cx, cy, rx, ry):
    """About the signed distance to an ellipse, below 0 inside."""
    return (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * min(rx, ry)


def box(x, y, cx, cy, rx, ry):
    return np.maximum(np.abs(x - cx) - rx, np.abs(y - cy) - ry)


def paint(image, distance, colour, opacity=1.0, blur=EDGE):
    cover = opacity * np.clip(0.5 - distance / blur, 0, 1)
    image += cover[..., None] * (np.asarray(colour, float) - image)


def lit(colour, light):
    return np.asarray(colour, float) * light[..., None]


def draw_body(image, who, x, y, dx):
    """Everything behind the face."""
    image[:] = lit(who.wall, 1.05 - 0.16 * np.hypot(X + 0.3, Y + 0.4))
    paint(image, box(X, Y, 0.72, -0.55, 0.2, 0.32), np.array(who.wall) * 1.2, 0.7, 0.05)
    if who.long_hair:
        paint(image, oval(x, y, 0, 0.08, 0.56, 0.82), lit(who.hair, 0.85 + 0.1 * np.sin(46 * x)))
    shirt = oval(X, Y, 0.3 * dx, 1.28, 0.86, 0.58)
    paint(image, shirt, lit(who.shirt, 1 - 0.25 * X + 0.06 * np.sin(9 * X)))
    skin = np.array(who.skin, float)
    paint(image, oval(X, Y, 0.3 * dx, 0.72, 0.25, 0.2), skin * 0.78)
    paint(image, box(x, y, 0, 0.55, 0.2, 0.25), skin * 0.74, 1, 0.06)


def draw_head(image, who, x, y, jaw):
    skin = np.array(who.skin, float)
    for side in (-1, 1):
        paint(image, oval(x, y, side * 0.45, 0, 0.065, 0.115), skin * (0.85 - 0.05 * side))
    # Narrower towards the chin, which the jaw carries down; shaded as a ball lit from the top left.
    nx = x / (0.46 * (1 - 0.28 * np.clip(y, 0, 1)))
    ny = (y + 0.02) / (0.62 + 0.05 * jaw * (y > 0))
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0, 1))
    light = 0.66 + 0.42 * np.clip(0.80 * nz - 0.38 * nx - 0.42 * ny, 0, 1)
    paint(image, (np.hypot(nx, ny) - 1) * 0.46, lit(skin, light))
    for side in (-1, 1):
        paint(image, oval(x, y, side * 0.26, 0.17, 0.12, 0.1), skin * [1, 0.84, 0.82], 0.35, 0.14)


def draw_eye(image, who, x, y, side, lid, gaze, raised):
    skin, cx, cy = np.array(who.skin, float), side * 0.18, -0.09
    paint(image, oval(x, y, cx, cy, 0.12, 0.075), skin * 0.80, 0.5, 0.07)
    eye = oval(x, y, cx, cy, 0.082, 0.043 * max(lid, 0.12))
    paint(image, eye, WHITE * 0.96 if lid > 0.3 else skin * 0.6)
    if lid > 0.3:
        for radius, colour in ((0.041, who.iris), (0.02, (16, 14, 16))):
            paint(image, np.maximum(oval(x, y, cx + gaze, cy - 0.004, radius, radius), eye), colour)
        glint = oval(x, y, cx + gaze - 0.013, cy - 0.016, 0.01, 0.01)
        paint(image, np.maximum(glint, eye), (255, 255, 255), 0.9)
    paint(image, np.maximum(np.abs(eye) - 0.009, y - cy), skin * 0.3, 0.9)
    out = side * (x - cx)  # grows away from the nose
    arch = y - (cy - 0.112 - 0.015 * raised + 1.5 * (out - 0.03) ** 2 + 0.05 * out)
    brow = np.maximum(np.abs(arch) - 0.016 + 0.05 * np.clip(out, 0, 1), np.abs(out) - 0.105)
    paint(image, brow, np.array(who.hair) * 1.05, 0.9, 0.016)


def draw_nose(image, who, x, y):
    skin = np.array(who.skin, float)
    paint(image, oval(x, y, 0.045, 0.06, 0.035, 0.12), skin * 0.78, 0.5, 0.06)
    paint(image, oval(x, y, -0.012, 0.10, 0.03, 0.06), np.minimum(skin * 1.16, 255), 0.5, 0.06)
    for side in (-1, 1):
        paint(image, oval(x, y, side * 0.038, 0.168, 0.018, 0.01), skin * 0.5, 0.8, 0.014)


def draw_mouth(image, who, x, y, jaw, spread):
    skin = np.array(who.skin, float)
    wide, tall, cy = 0.125 + 0.03 * spread, 0.006 + 0.085 * jaw, 0.33 + 0.03 * jaw
    y = y + 1.1 * x**2 - 0.01  # the corners turn up: a friendly face
    paint(image, oval(x, y, 0, cy + tall + 0.08, 0.1, 0.022), skin * 0.78, 0.45, 0.05)
    bow = 0.014 * np.exp(-((x / 0.03) ** 2)) * (y < cy)
    lips = oval(x, y - bow, 0, cy, wide + 0.03, tall + 0.036)
    light = 1 + np.where(y < cy, 0.9 * (y - cy), 0.6 * (y - cy))
    paint(image, lips, lit(skin * [0.82, 0.60, 0.62], light))
    inside = oval(x, y, 0, cy, wide, tall)
    tongue = oval(x, y, 0, cy + tall + 0.01, 0.09, 0.05)
    paint(image, inside, (58, 20, 24))
    paint(image, np.maximum(inside, tongue), (176, 84, 88), jaw)
    paint(image, np.maximum(inside + 0.006, y - cy + 0.55 * tall), WHITE * 0.98, min(1, 3 * jaw))


def draw_fringe(image, who, x, y):
    part, fall = (0.10, 1.3) if who.long_hair else (-0.05, 1.5)
    hairline = -0.40 + fall * (x - part) ** 2 + 0.02 * np.sin(22 * x)
    strands = 1 + 0.10 * np.sin(46 * x + 5 * np.sin(4 * y))
    shine = 0.25 * np.exp(-((x + 0.2) ** 2 + (y + 0.65) ** 2) / 0.06)
    hair = np.maximum(oval(x, y, 0, -0.16, 0.492, 0.55), y - hairline)
    paint(image, hair, lit(who.hair, strands + shine), 1, 0.02)


def draw(who, jaw, spread, lid, sway, grain):
    """One frame, RGB8; `lid` 1 is an open eye, `sway` the head's shift and tilt, `grain` noise."""
    dx, dy, tilt = sway
    # The head turns about the neck, at y 0.6.
    x = (X - dx) * np.cos(tilt) + (Y - dy - 0.6) * np.sin(tilt)
    y = (Y - dy - 0.6) * np.cos(tilt) - (X - dx) * np.sin(tilt) + 0.6
    image = np.empty((SIZE, SIZE, 3))
    draw_body(image, who, x, y, dx)
    draw_head(image, who, x, y, jaw)
    for side in (-1, 1):
        draw_eye(image, who, x, y, side, lid, -0.4 * dx, jaw)
    draw_nose(image, who, x, y)
    draw_mouth(image, who, x, y, jaw, spread)
    draw_fringe(image, who, x, y)
    return np.clip(image + grain, 0, 255).round().astype(np.uint8)


def film(who, mouth, fps):
    """The frames of a talking head whose mouth follows `mouth`, rows of (jaw drop, lip spread)."""
    rng, t = np.random.default_rng(who.seed + 1), np.arange(len(mouth)) / fps
    phases, hertz = rng.uniform(0, 2 * np.pi, 6), (0.31, 0.83, 0.42, 0.97, 0.27, 0.71)
    slow_x, fast_x, slow_y, fast_y, slow_tilt, fast_tilt = (
        np.sin(2 * np.pi * f * t + phase) for f, phase in zip(hertz, phases)
    )
    dx, dy = 0.022 * slow_x + 0.006 * fast_x, 0.010 * slow_y + 0.005 * fast_y
    tilt = 0.03 * slow_tilt + 0.012 * fast_tilt
    blinks = np.cumsum(rng.uniform(0.8, 1.7, 4))
    lids = np.clip(np.abs(t[:, None] - blinks).min(1) / 0.08, 0, 1)
    for (jaw, spread), lid, *sway in zip(mouth, lids, dx, dy, tilt):
        yield draw(who, jaw, spread, lid, sway, rng.normal(0, 1.6, (SIZE, SIZE, 1)))
