"""Joins a speaker's clips with natural pauses to utterances of 6 to 12 seconds."""

import numpy as np

from sound import RATE, levels

LONGEST = 12.0
SHORTEST = 3.0
# The loudest noise of a pause: -55 dB below full scale.
QUIET = 58.0


def pieces(x, phones):
    """Divides a long clip at its pauses into pieces of at most `LONGEST` seconds."""
    if len(x) / RATE <= LONGEST:
        return [(x, phones)]
    cuts, start = [0.0], 0.0
    pauses = [(s + e) / 2 for s, e, p in phones if p == "sil" and e - s >= 0.15]
    end = len(x) / RATE
    while end - start > LONGEST:
        fit = [p for p in pauses if start + 2.0 < p <= start + LONGEST]
        if not fit:
            break
        start = fit[-1]
        cuts.append(start)
    out = []
    for a, b in zip(cuts, cuts[1:] + [end]):
        part = [(max(s, a) - a, min(e, b) - a, p) for s, e, p in phones if min(e, b) - max(s, a) > 0.005]
        if b - a <= LONGEST * 1.3:
            out.append((x[int(a * RATE):int(b * RATE)], part))
    return out


def loudness(x, rng):
    """Brings a clip most of the way to a common level, as talkers keep louder and softer sentences."""
    level = levels(x)
    active = np.mean(level[level > np.percentile(level, 95) - 25])
    gain = 10 ** (min(0.7 * (-24 - active) + rng.normal(0, 1), 40) / 20)
    y = x.astype(np.float32) * gain
    peak = np.abs(y).max(initial=1.0)
    return y * min(1.0, 30000 / peak)


def joined(clips, rng, pause=(0.15, 0.8)):
    """Yields utterances (samples, phones) of consecutive clips [(samples, phones)] of one speaker."""
    parts, length = [], 0.0
    target = rng.uniform(6.0, LONGEST)
    for x, phones in clips:
        seconds = len(x) / RATE
        if parts and length + seconds > min(target * 1.25, LONGEST + 1):
            yield _join(parts, rng, pause)
            parts, length, target = [], 0.0, rng.uniform(6.0, LONGEST)
        parts.append((loudness(x, rng), phones))
        length += seconds + 0.3
        if length >= target:
            yield _join(parts, rng, pause)
            parts, length, target = [], 0.0, rng.uniform(6.0, LONGEST)
    if parts and length >= SHORTEST:
        yield _join(parts, rng, pause)


def _join(parts, rng, pause):
    out, phones = np.zeros(0, np.float32), []
    for number, (x, found) in enumerate(parts):
        if number:
            # Clips keep 0.1 s of silence at either end; the rest of the pause is noise as loud as theirs.
            gap = max(0, int((rng.uniform(*pause) - 0.2) * RATE))
            if gap:
                rest = min(max(_quiet(x), 1.0), QUIET)
                noise = np.convolve(rng.normal(0, rest, gap + 3), [0.25, 0.25, 0.25, 0.25], "valid") * 2
                out = _cross(out, noise.astype(np.float32))
                phones.append((0.0, len(out) / RATE, "sil"))
        start = max(0.0, len(out) / RATE - 0.005)
        out = _cross(out, x)
        phones += [(s + start, e + start, p) for s, e, p in found]
    # One list without gaps or overlaps: times of silence give way to those of speech.
    end, track = len(out) / RATE, []
    for s, e, p in sorted((q for q in phones if q[2] != "sil")):
        s = max(s, track[-1][1] if track else 0.0)
        if e - s < 0.005 or s >= end:
            continue
        last = track[-1][1] if track else 0.0
        if s - last > 0.001:
            track.append((last, s, "sil"))
        track.append((s, min(e, end), p))
    last = track[-1][1] if track else 0.0
    if end - last > 0.001:
        track.append((last, end, "sil"))
    return out.clip(-32767, 32767).astype(np.int16), track


def _quiet(x):
    frames = x[:len(x) // 320 * 320].reshape(-1, 320)
    return float(np.percentile(np.sqrt((frames ** 2).mean(1)), 1)) if len(frames) else 0.0


def _cross(a, b, fade=80):
    """Appends with a cross-fade of 5 ms, so that joints do not click."""
    fade = min(fade, len(a), len(b))
    if not fade:
        return np.concatenate([a, b])
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    return np.concatenate([a[:-fade], a[-fade:] * (1 - ramp) + b[:fade] * ramp, b[fade:]])
