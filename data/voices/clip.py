"""A recorded clip of one speaker, before it is decoded."""

import dataclasses


@dataclasses.dataclass
class Clip:
    """One recording. Exactly one of `path` and `data` is set."""

    source: str  # the package
    licence: str
    speaker: str  # unique in the whole collection
    language: str  # as espeak-ng names it, such as "en-us" or "cs"
    sex: str = ""  # "f", "m", or empty if the package does not say
    path: str = ""
    data: bytes = b""
    format: tuple = ()  # FFmpeg options that describe raw `data` or `path`
    text: str = ""  # what is said, if the package has the text
    phones: list | None = None  # exact times of a synthesizer: [(start, end, phone)]
    kind: str = "recorded"  # or "synthetic"
    style: str = "sentences"  # or "words"
    band: int = 8000  # the highest frequency that the recording can hold, in Hz
    order: int = 0  # the position in the source, so that neighbors stay neighbors
    key: str = ""  # identifies samples and text
    mixed: bool = False  # whether the speaker may be two, a woman and a man
