"""Reads the containers of games whose dialogues are recorded speech."""

import os
import re
import struct

from clip import Clip
from packages import debian, files


def amazon_queen(folder):
    """Flight of the Amazon Queen: MP3 in one container, with the text of its dialogues.

    A file of a dialogue is named by the key of the dialogue (two digits), the number of the line
    (four hexadecimal digits, or SSSS and XXXX for greetings), J for the hero or P for the other
    person, and the part of the line. The file of a dialogue has the other person's name.
    """
    name = "flight-of-the-amazon-queen"
    base = debian(folder, name)
    data = open(files(base, "queen.1c")[0], "rb").read()
    count = struct.unpack(">H", data[13:15])[0]
    entries = {}
    for at in range(15, 15 + 21 * count, 21):
        _, offset, size = struct.unpack(">BII", data[at + 12:at + 21])
        entries[data[at:at + 12].split(b"\0")[0].decode("latin1")] = data[offset:offset + size]
    people, texts = {}, {}
    for file, dog in entries.items():
        if file.endswith(".DOG"):
            person, key, lines = _dialogue(file, dog[20:])
            people[key] = person
            texts.update({(key, *line): text for line, text in lines.items()})
    for order, (file, sound) in enumerate(sorted(entries.items())):
        match = re.fullmatch(r"(\d\d)([0-9A-FSX]{4})([JP])(\d)\.SB", file)
        if not match or int(match[1]) not in people:
            continue
        key, line, who, part = int(match[1]), match[2], match[3], int(match[4])
        said = texts.get((key, line, who), [])
        person = "joe" if who == "J" else people[key]
        yield Clip(name, "Flight-of-the-Amazon-Queen-License (free, Debian main)", f"amazon-queen-{person}", "en-us",
                   data=sound, format=("-f", "mp3"), text=said[part - 1] if part <= len(said) else "", band=5500,
                   order=order)


def _dialogue(file, data):
    """The person, the key and the lines {(line, who): [parts]} of a dialogue."""
    word = lambda at: struct.unpack(">h", data[at:at + 2])[0]
    levels, key, heroes, others = abs(word(0)), word(4), word(6), word(8)
    person_at, person2_at = word(22) & 0xFFFF, word(26) & 0xFFFF

    def string(at, align):
        size = data[at] if at < len(data) else 0
        text, at = data[at + 1:at + 1 + size].decode("latin1"), at + 1
        if size:
            at += size
            at += (-at) % align if align else 0
        return text, at

    lines = {}
    for start, number, who in ((32 + levels * 96, heroes, "J"), (person_at, others, "P")):
        at = start
        for _ in range(number + 1):
            if at + 4 > len(data):
                break
            line = word(at + 2)
            text, at = string(at + 4, 4)
            if text:
                lines[(f"{line & 0xFFFF:04X}" if line else "SSSS", who)] = _parts(text)
    text, _ = string(person2_at, 0)
    if text:
        lines[("XXXX", "P")] = _parts(text)
    person = re.sub(r"\d+$", "", file.split(".")[0]).lower()
    return person, key, lines


def _parts(text):
    """A line without its commands for gestures and walking (`*03`, `*XY00(1,2)`), which divide it."""
    parts = re.split(r"\*(?:XY\d\d\(\d+,\d+\)|\w\w)", text)
    return [p.strip() for p in parts if re.search(r"[A-Za-z]", p)]


# The prefixes of file names that belong to one character each.
DRASCULA = {"": "hacker", "B": "b", "BJ": "bj", "D": "drascula", "E": "e", "I": "igor", "L": "l", "P": "p", "S": "s",
            "T": "t", "VB": "von-braun"}


def drascula(folder):
    """Drascula in three languages: unsigned 8-bit samples; a prefix of the name tells the character."""
    for package, part, language in (("drascula", "en", "en-us"), ("drascula-spanish", "es", "es"),
                                    ("drascula-italian", "it", "it")):
        base = debian(folder, package)
        for path in files(base, ".als"):
            file = os.path.basename(path).upper()
            match = re.fullmatch(r"([A-Z]*)(\d+)\.ALS", file)
            if match and match[1] in DRASCULA:
                yield Clip(package, "Drascula-License (free, Debian main)", f"drascula-{part}-{DRASCULA[match[1]]}",
                           language, path=path, format=("-f", "u8", "-ar", "11025"), band=5500, order=int(match[2]))


def fish_fillets(folder):
    """Fish Fillets: dialogues in Czech and Dutch with their text. The second part of a name tells who
    speaks: v is the big fish (a man), m the small one (a woman); others have few lines."""
    scripts = {}
    for path in files(debian(folder, "fillets-ng-data"), ".lua"):
        level = os.path.basename(os.path.dirname(path))
        match = re.fullmatch(r"dialogs_(\w+)\.lua", os.path.basename(path))
        if match:
            scripts[match[1], level] = script(open(path, encoding="utf-8", errors="replace").read(), match[1])
    for language in ("cs", "nl"):
        package = f"fillets-ng-data-{language}"
        for order, path in enumerate(files(debian(folder, package), ".ogg")):
            level = path.split(os.sep)[-3]
            stem = os.path.basename(path)[:-4]
            who = (stem.split("-") + ["", ""])[1]
            if who not in ("m", "v", "hs", "pap"):
                continue
            yield Clip(package, "GPL-2", f"fish-fillets-{language}-{who}", language,
                       sex={"m": "f", "v": "m"}.get(who, ""), path=path,
                       text=scripts.get((language, level), {}).get(stem, ""), order=order)


def script(text, language):
    """The lines {identifier: text} of a dialogue script."""
    lines, identifier = {}, None
    for match in re.finditer(r'dialog(Id|Str)\("((?:[^"\\]|\\.)*)"(?:,\s*"[^"]*",\s*"((?:[^"\\]|\\.)*)")?', text):
        if match[1] == "Id":
            identifier = match[2]
            if language == "en":
                lines[identifier] = match[3] or ""
        elif identifier:
            lines[identifier] = match[2].replace('\\"', '"')
    return lines
