"""Prompts of telephone systems, learning programs and test data with recorded speech."""

import os
import re
import zipfile

from clip import Clip
from packages import debian, files

# Languages as espeak-ng names them.
ESPEAK = {"en": "en-us", "en_GB": "en-gb", "nn": "nb", "pt": "pt", "pt_BR": "pt-br", "nds": "de", "gl": "pt", "wa": "fr-be",
          "sr": "sr", "sr@latin": "sr", "sr@ijekavian": "sr", "sr@ijekavianlatin": "sr", "fr": "fr", "he": "he"}


def espeak(language):
    return ESPEAK.get(language, language)


def asterisk(folder):
    """Prompts of the telephone system Asterisk: 16 kHz (G.722), and 8 kHz telephone speech."""
    sets = [("asterisk-core-sounds-en-g722", "CC-BY-SA-3.0", "allison-smith", "en-us", "f", 7000),
            ("asterisk-core-sounds-es-g722", "CC-BY-SA-3.0", "allison-smith", "es-419", "f", 7000),
            ("asterisk-core-sounds-fr-g722", "CC-BY-SA-3.0", "june-wallack", "fr", "f", 7000),
            ("asterisk-core-sounds-it-g722", "CC-BY-3.0", "carlo-flora", "it", "m", 7000),
            ("asterisk-core-sounds-ru-g722", "CC-BY-3.0", "ivrvoice-ru", "ru", "f", 7000),
            ("asterisk-prompt-es-co", "GPL-2+", "asterisk-es-co", "es-419", "", 4000),
            ("asterisk-prompt-fr-armelle", "see its copyright file", "armelle-desjardins", "fr", "f", 4000),
            ("asterisk-prompt-it-menardi-wav", "CC-BY-SA-3.0-IT", "paola-dal-zot", "it", "f", 4000)]
    for package, licence, speaker, language, sex, band in sets:
        for order, path in enumerate(files(debian(folder, package), ".g722", ".wav", ".gsm")):
            if "/silence/" in path or re.search(r"/(beep|tone|ring|dialtone|congestion)", path):
                continue
            raw = {"g722": ("-f", "g722"), "gsm": ("-f", "gsm")}.get(path.rsplit(".")[-1], ())
            yield Clip(package, licence, speaker, language, sex, path=path, format=raw, band=band, order=order)


def tuxpaint(folder):
    """Descriptions of stamps, read aloud in several languages, with their text."""
    name = "tuxpaint-stamps-default"
    for order, path in enumerate(files(debian(folder, name), ".ogg")):
        match = re.fullmatch(r"(.*)_desc(?:_(\w+))?(?:\.da)?\.ogg", path)
        if not match:
            continue
        language, text = match[2] or "en", ""
        if language in ("ml", "lt"):
            continue
        if os.path.exists(match[1] + ".txt"):
            lines = open(match[1] + ".txt", encoding="utf-8", errors="replace").read().splitlines()
            said = dict(line.split(".utf8=", 1) for line in lines if ".utf8=" in line)
            text = lines[0] if language == "en" and lines else said.get(language, "")
        yield Clip(name, "GPL-2", f"tuxpaint-{language}", espeak(language), path=path, text=text, order=order, mixed=True)


def words(folder):
    """Words, letters and syllables of learning programs: one speaker a language."""
    for name, licence in (("ktuberling-data", "GPL-2+"), ("klettres-data", "GPL-2+")):
        for order, path in enumerate(files(debian(folder, name), ".ogg", ".wav", ".opus")):
            part = path.split(os.sep)
            language = part[-2] if name == "ktuberling-data" else part[-3]
            if not re.fullmatch(r"[a-z]{2,3}([_@]\w+)?", language):
                continue
            speaker = f"{name.split('-')[0]}-{language.split('@')[0] if '@' in language else language}"
            yield Clip(name, licence, speaker, espeak(language), path=path, style="words", order=order)


def unknown_horizons(folder):
    name = "unknown-horizons"
    for order, path in enumerate(files(debian(folder, name), ".ogg")):
        match = re.search(r"/audio/voice/(\w\w)/", path)
        if match:
            yield Clip(name, "GPL-2+", f"unknown-horizons-{match[1]}", espeak(match[1]), path=path, order=order)


def warzone(folder):
    """Warzone 2100: a narrator's lessons and messages, pilots, commanders and taunts of three men."""
    name = "warzone2100-data"
    base = debian(folder, name)
    out = os.path.join(base, "unzipped")
    for archive in files(base, ".wz"):
        if not os.path.isdir(os.path.join(out, os.path.basename(archive))):
            with zipfile.ZipFile(archive) as zipped:
                names = [n for n in zipped.namelist() if n.startswith(("audio/", "sequenceaudio/")) and n.endswith(".ogg")]
                zipped.extractall(os.path.join(out, os.path.basename(archive)), names)
    people = {"tutorial": "narrator", "memressp": "computer", "taunt1": "taunt1", "taunt2": "taunt2", "taunt3": "taunt3",
              "vtoltalk": "pilot", "trnsppil": "transport", "nexus": "nexus", "coltive": "collective",
              "proxmessages": "messages"}
    for order, path in enumerate(files(out, ".ogg")):
        who = [people[part] for part in path.split(os.sep) if part in people]
        if who:
            yield Clip(name, "GPL-2+", f"warzone-{who[-1]}", "en-us", path=path, order=order)


def librivox(folder):
    """A reader of LibriVox, from the test data of a speech recognizer, with its text."""
    name = "pocketsphinx-testdata"
    base = debian(folder, name)
    for order, path in enumerate(files(base, ".wav")):
        if "/librivox/" in path:
            yield Clip(name, "BSD-2 and public domain", "librivox-austen", "en-us", path=path, order=order)
