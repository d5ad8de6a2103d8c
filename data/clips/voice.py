"""Formant synthesis: glottal pulses and hiss through resonators that follow the syllables."""

import numpy as np

RATE = 16000  # samples a second

# Formants F1-F3 in Hz of a grown man (after Peterson and Barney 1952); how far the jaw drops, 0 to
# 1; how far the lips spread (above 0) or round (below).
VOWELS = {
    "a": ((730, 1090, 2440), 1.00, 0.1),
    "e": ((530, 1840, 2480), 0.65, 0.6),
    "i": ((270, 2290, 3010), 0.30, 1.0),
    "o": ((570, 840, 2410), 0.60, -0.7),
    "u": ((300, 870, 2240), 0.28, -1.0),
}
# Seconds of silence, of hiss and of hum before the vowel; the hiss's centre in Hz and its loudness.
CONSONANTS = {
    "p": (0.06, 0.012, 0, 900, 0.5),
    "t": (0.05, 0.015, 0, 3800, 0.7),
    "k": (0.05, 0.020, 0, 1900, 0.7),
    "s": (0, 0.09, 0, 5600, 0.5),
    "f": (0, 0.07, 0, 4500, 0.2),
    "m": (0, 0, 0.07, 1000, 0),
    "-": (0.28, 0, 0, 1000, 0),
}


def smooth(track, seconds):
    """A moving average with a Hann window, ends held."""
    window = np.hanning(int(seconds * RATE) | 1)
    pad = len(window) // 2
    return np.convolve(np.pad(track, pad, "edge"), window / window.sum(), "valid")


def resonate(signal, centre, width):
    """A second-order resonator of unit gain at 0 Hz whose centre (Hz) moves sample by sample."""
    radius = np.exp(-np.pi * width / RATE)
    feedback = 2 * radius * np.cos(2 * np.pi * centre / RATE)
    out, y1, y2 = np.empty_like(signal), 0.0, 0.0
    for n, (x, b) in enumerate(zip(signal.tolist(), feedback.tolist())):
        y1, y2 = (1 - b + radius**2) * x + b * y1 - radius**2 * y2, y1
        out[n] = y1
    return out


def glottis(pitch):
    """The slope of Rosenberg's pulse: the glottis opens slowly, shuts fast and rests."""
    phase = np.cumsum(pitch / RATE) % 1
    opening = 0.5 - 0.5 * np.cos(np.pi * phase / 0.4)
    shutting = np.cos(np.pi * (phase - 0.4) / 0.32)
    pulse = np.select([phase < 0.4, phase < 0.56], [opening, shutting], 0)
    return np.diff(pulse, prepend=0)


def speak(who, seconds, fps):
    """Samples in [-1, 1], and (jaw drop, lip spread) a video frame, `[frames, 2]`."""
    rng, n = np.random.default_rng(who.seed), int(seconds * RATE)
    voiced, noisy, jaw, spread, accent = np.zeros((5, n))
    formants, hiss = np.full((3, n), 500.0) * [[1], [3], [5]], np.full(n, 1000.0)
    at = int(0.12 * RATE)
    for consonant, vowel in who.words.split():
        gap, noise, hum, centre, loud = CONSONANTS[consonant]
        resonances, drop, wide = VOWELS[vowel]
        burst = at + int(gap * RATE)
        onset = at + int((gap + noise + hum) * RATE)
        end = onset + int(who.beat * rng.uniform(0.85, 1.25) * RATE)
        if end > n - int(0.1 * RATE):
            break
        hiss[at:onset] = centre
        noisy[burst : burst + int(noise * RATE)] = loud
        voiced[onset - int(hum * RATE) : onset] = 0.25
        voiced[onset:end] = rng.uniform(0.75, 1)
        formants[:, at:end] = np.array(resonances)[:, None] * who.tract
        if hum:
            formants[0, at:onset] = 260  # the nose's first resonance
        jaw[onset:end], spread[at:end] = drop * voiced[onset], wide
        accent[onset:end] = rng.uniform(-0.05, 0.15)
        at = end

    jitter = 1 + 0.01 * smooth(rng.normal(0, 8, n), 0.02)
    pitch = who.pitch * (1 + smooth(accent, 0.15)) * np.linspace(1.08, 0.88, n) * jitter
    voice = smooth(voiced, 0.03) * (glottis(pitch) + rng.normal(0, 0.004, n))
    tracks = [*formants, np.full(n, 3500 * who.tract), np.full(n, 4500 * who.tract)]
    for track, width in zip(tracks, (70, 100, 160, 250, 350)):
        voice = resonate(voice, smooth(track, 0.04), width)
    voice = np.convolve(voice, (1, -0.6))[:n]  # treble, without which it sounds muffled
    breath = resonate(smooth(noisy, 0.008) * rng.normal(0, 1, n), hiss, 900)
    breath = np.diff(breath, prepend=0)  # keeps the hiss off the low end
    sound = voice / np.abs(voice).max() + 0.3 * breath / np.abs(breath).max()
    sound = 0.7 * sound / np.abs(sound).max() + rng.normal(0, 0.0008, n)

    frames = (np.arange(round(seconds * fps)) * RATE) // fps
    return sound, np.stack([smooth(jaw, 0.09)[frames], smooth(spread, 0.12)[frames]], 1)
