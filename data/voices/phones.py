"""From text to ARPAbet phones: an English dictionary, and espeak-ng for every other word and language."""

import ctypes
import re

VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}

# Sounds of the International Phonetic Alphabet as the ARPAbet phones whose lips are most alike.
IPA = {
    "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "tʃ": "CH", "dʒ": "JH", "tɕ": "CH", "dʑ": "JH",
    "ts": "T S", "dz": "D Z", "tʂ": "CH", "ɔø": "OY", "ɑʊ": "AW", "œy": "OY", "ʌʊ": "OW", "ɛɪ": "EY", "ei": "EY", "ou": "OW",
    "i": "IY", "ɪ": "IH", "y": "UW", "ʏ": "UH", "e": "EH", "ɛ": "EH", "æ": "AE", "a": "AA", "ɑ": "AA", "ɐ": "AH", "ʌ": "AH",
    "ə": "AH", "ɜ": "ER", "ɝ": "ER", "ɚ": "ER", "ɒ": "AO", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW", "ø": "UH", "œ": "UH",
    "ɨ": "IH", "ɯ": "IH", "ɤ": "AH", "ᵻ": "IH", "ʉ": "UW", "ɵ": "UH", "ɘ": "IH",
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G", "ɡ": "G", "q": "K", "m": "M", "ɱ": "M", "n": "N", "ŋ": "NG",
    "ɲ": "N Y", "ɳ": "N", "f": "F", "v": "V", "ʋ": "V", "β": "B", "ɸ": "F", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH",
    "ʒ": "ZH", "ʂ": "SH", "ʐ": "ZH", "ɕ": "SH", "ʑ": "ZH", "x": "HH", "χ": "HH", "h": "HH", "ɦ": "HH", "ħ": "HH", "ç": "HH",
    "ɣ": "G", "l": "L", "ɫ": "L", "ɭ": "L", "ʎ": "L Y", "ɬ": "L", "r": "R", "ɹ": "R", "ɾ": "R", "ɻ": "R", "ʁ": "HH", "ʀ": "HH",
    "j": "Y", "w": "W", "ɥ": "W", "c": "K", "ɟ": "G", "ʈ": "T", "ɖ": "D", "ʝ": "Y",
}


class Espeak:
    """The library espeak-ng, which the wheel espeakng-loader carries."""

    def __init__(self):
        import espeakng_loader
        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0x8003)
        self.library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.language = None

    def select(self, language):
        if language != self.language:
            if self.library.espeak_SetVoiceByName(language.encode()) != 0:
                return False
            self.language = language
        return True

    def ipa(self, text, language):
        """The sounds of a text, as one string a clause."""
        if not self.select(language):
            return []
        pointer, clauses = ctypes.c_char_p(text.encode()), []
        while pointer.value:
            said = self.library.espeak_TextToPhonemes(ctypes.byref(pointer), 1, 0x02)
            clauses.append((said or b"").decode())
        return clauses


def arpabet(ipa):
    """The phones of one word in the International Phonetic Alphabet."""
    ipa = re.sub(r"\([a-z-]+\)", "", ipa)
    ipa = "".join(c for c in ipa if c not in "ˈˌːˑʲʰʷ̃ʔ-̩̯͡ˀ'|.̪̥̝̞̈ˤˠ")
    out, at = [], 0
    while at < len(ipa):
        for size in (2, 1):
            phone = IPA.get(ipa[at:at + size])
            if phone:
                out += phone.split()
                break
        at += size
    # A long sound that is written twice is one movement of the lips.
    return [p for i, p in enumerate(out) if not i or out[i - 1] != p]


def split_ipa(clauses):
    """Words of a text, each a list of phones."""
    words = [arpabet(word) for clause in clauses for word in clause.split()]
    return [w for w in words if w]
