"""Who talks in the clips: a voice, a face and a text each."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Person:
    """Colours are RGB, 0 to 255."""

    seed: int
    words: str  # syllables of one consonant and one vowel; "-" is a pause
    beat: float  # seconds a vowel lasts
    pitch: float  # Hz
    tract: float  # formants relative to those of a grown man
    skin: tuple
    hair: tuple
    iris: tuple
    shirt: tuple
    wall: tuple
    long_hair: bool


PEOPLE = {
    "a": Person(
        seed=11,
        words="ma to -e pa si ku -a fo me ta ki -o pa",
        beat=0.17,
        pitch=112,
        tract=1.0,
        skin=(222, 172, 138),
        hair=(62, 44, 36),
        iris=(88, 116, 132),
        shirt=(52, 88, 130),
        wall=(150, 178, 176),
        long_hair=False,
    ),
    "b": Person(
        seed=23,
        words="ki -a so pe ma -u te fa mi ka so pu -e ta mo ke",
        beat=0.115,
        pitch=208,
        tract=1.16,
        skin=(164, 110, 80),
        hair=(40, 28, 34),
        iris=(84, 52, 34),
        shirt=(206, 150, 62),
        wall=(124, 108, 146),
        long_hair=True,
    ),
}
