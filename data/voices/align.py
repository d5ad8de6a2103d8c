"""Phones with times, by PocketSphinx and its English model.

English text comes with the clip or is a draft by recognition; text of other languages becomes phones
by espeak-ng. Then forced alignment finds the times. Clips without text in other languages get the
phones that a phone recognizer hears, which tells open from closed well and lip shapes roughly.
"""

import re

import numpy as np

from phones import VOWELS, Espeak, arpabet, split_ipa
from sound import levels

STOPS = {"P", "B", "T", "D", "K", "G"}
# The plausible number of phones a second of speech.
RATE = (4.0, 24.0)


class Aligner:
    def __init__(self):
        from pocketsphinx import Decoder, get_model_path
        self.recognizer = Decoder(loglevel="FATAL", ds=2, beam=1e-40, wbeam=1e-25, maxhmmpf=3000)
        # The best path through a lattice may have phones of one frame, which cannot be aligned.
        # Scores of every second frame are as good, and take 60 % of the time.
        self.forced = Decoder(lm=None, loglevel="FATAL", backtrace=False, bestpath=False, ds=2, beam=1e-60, wbeam=1e-48,
                              pbeam=1e-60)
        self.phonetic = Decoder(lm=None, allphone=get_model_path("en-us/en-us-phone.lm.bin"), lw=2.0, pip=0.3, beam=1e-15,
                                pbeam=1e-15, loglevel="FATAL")
        self.espeak = Espeak()
        self.known = set()

    def clip(self, clip, x):
        """Phones [(start, end, phone)] in seconds and how they were found, or nothing."""
        english = clip.language.startswith("en")
        if clip.text:
            found = self.align(x, self.words(clip.text, clip.language))
            if found and is_good(check(x, found)):
                return found, "text"
        # Recognition fails on the narrow band of old games, where phones are as good.
        if english and clip.style == "sentences" and clip.band > 5500:
            found = self.align(x, self.words(self.recognize(x), clip.language))
            if found and is_good(check(x, found)):
                return found, "recognized"
        return self.hear(x), "phones"

    def words(self, text, language):
        """The names of a text's words in the aligner's dictionary."""
        text = re.sub(r"<[^>]*>|\[[^]]*\]", " ", text.replace("`", "'").replace("’", "'"))
        names = []
        if language.startswith("en") and not re.search(r"\d", text):
            for word in re.findall(r"[A-Za-z']+", text):
                word = word.lower().strip("'")
                if self.forced.lookup_word(word):
                    names.append(word)
                elif word:
                    names += [self.name(w) for w in split_ipa(self.espeak.ipa(word, language))]
        else:
            names = [self.name(w) for w in split_ipa(self.espeak.ipa(text, language))]
        return names

    def name(self, phones):
        name = "@" + "_".join(phones)
        if name not in self.known:
            self.known.add(name)
            self.forced.add_word(name, " ".join(phones), False)
        return name

    def recognize(self, x):
        d = self.recognizer
        d.start_utt()
        d.process_raw(x.tobytes(), no_search=False, full_utt=True)
        d.end_utt()
        hypothesis = d.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def align(self, x, words):
        if not words:
            return None
        d = self.forced
        try:
            d.set_align_text(" ".join(words))
            for again in (False, True):
                if again:
                    d.set_alignment()
                d.start_utt()
                d.process_raw(x.tobytes(), full_utt=True)
                d.end_utt()
            found = [(p.start / 100, (p.start + p.duration) / 100, p.name) for w in d.get_alignment() for p in w]
        except (RuntimeError, TypeError, ValueError):
            return None
        return clean(found)

    def hear(self, x):
        d = self.phonetic
        d.start_utt()
        d.process_raw(x.tobytes(), full_utt=True)
        d.end_utt()
        return clean([(s.start_frame / 100, (s.end_frame + 1) / 100, s.word) for s in d.seg()])


def clean(found):
    """Phones in capitals without stress, `sil` for silence and noise, neighbors of silence joined."""
    out = []
    for start, end, phone in found:
        phone = phone.upper().rstrip("012")
        phone = "sil" if phone in ("SIL", "<S>", "</S>", "<SIL>") or phone.startswith("+") or phone.startswith("[") else phone
        if out and phone == "sil" and out[-1][2] == "sil":
            out[-1] = (out[-1][0], end, "sil")
        elif end > start:
            out.append((start, end, phone))
    return out


def auc(high, low):
    """The probability that a value of `high` exceeds one of `low`."""
    if not len(high) or not len(low):
        return None
    order = np.argsort(np.concatenate([high, low]), kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    return (ranks[:len(high)].sum() - len(high) * (len(high) - 1) / 2) / (len(high) * len(low))


def check(x, phones):
    """How well phones fit the loudness: the probability that a vowel is louder than silence and than
    a stop, the phones a second of speech, and the longest phone in seconds."""
    level = levels(x)
    kinds = np.full(len(level), "", dtype=object)
    for start, end, phone in phones:
        kinds[int(start * 100 + 0.5):int(end * 100 + 0.5)] = phone
    vowels = level[np.isin(kinds, list(VOWELS))]
    speech = [(s, e) for s, e, p in phones if p != "sil"]
    spoken = sum(e - s for s, e in speech)
    return {"silence": auc(vowels, level[kinds == "sil"]), "stop": auc(vowels, level[np.isin(kinds, list(STOPS))]),
            "rate": len(speech) / spoken if spoken else 0.0,
            "longest": max((e - s for s, e in speech), default=0.0), "spoken": spoken}


def is_good(fit):
    """Whether phones fit well enough to move lips."""
    return ((fit["silence"] is None or fit["silence"] > 0.85) and (fit["stop"] is None or fit["stop"] > 0.65)
            and RATE[0] < fit["rate"] < RATE[1] and fit["longest"] < 0.7 and fit["spoken"] > 0.25)
