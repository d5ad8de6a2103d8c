"""Writes tests/fixtures/layouts/mavos-dd: pip install datasets==5.2.0 pyarrow==25.0.1"""

import pathlib
import shutil

import datasets
import pyarrow
from datasets import fingerprint

# Fingerprints are hashes of pickles and depend on the interpreter.
fingerprint.Hasher.hash = classmethod(lambda cls, value: "0")

COLUMNS = [
    "video_path", "label", "split", "open_set_model", "open_set_language", "generative_method", "n",
]
ROWS = [
    ("english/real/a 1.mp4", "real", "train", False, False, None, 0),
    ("romanian/sonic/ț.mp4", "fake", "validation", False, False, "sonic", 1),
    ("arabic/memo/c.mp4", "fake", "test", True, True, "memo", 2),
    ("hindi/real/d.mp4", "real", "test", False, True, None, 3),
    ("english/memo/e.mp4", "fake", "test", True, False, "memo", 4),
]

folder = pathlib.Path(__file__).parent.parent / "fixtures" / "layouts" / "mavos-dd"
shutil.rmtree(folder, ignore_errors=True)
table = pyarrow.table({name: [row[i] for row in ROWS] for i, name in enumerate(COLUMNS)})
datasets.Dataset(table, fingerprint="0").save_to_disk(folder, num_shards=2)
