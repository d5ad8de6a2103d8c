"""Writes fixtures/loader/order.json: shuffled orders computed independently of the crate.

ChaCha8, bounded random integers and the shuffle are implemented from their definitions (RFC 8439 with
8 rounds, a 64-bit counter and a 64-bit nonce of 0; Lemire 2019; Fisher and Yates), with the standard
library only: python crates/avff-data/tests/reference/order.py
"""

import json
import struct
from pathlib import Path

MASK = 0xFFFFFFFF


def quarter(x, a, b, c, d):
    for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[first] = (x[first] + x[second]) & MASK
        x[third] ^= x[first]
        x[third] = ((x[third] << bits) | (x[third] >> (32 - bits))) & MASK


def words(key):
    counter = 0
    while True:
        start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
        start += [counter & MASK, counter >> 32, 0, 0]
        x = list(start)
        for _ in range(4):
            for column in range(4):
                quarter(x, column, column + 4, column + 8, column + 12)
            for row in range(4):
                quarter(x, row, 4 + (row + 1) % 4, 8 + (row + 2) % 4, 12 + (row + 3) % 4)
        block = [(a + b) & MASK for a, b in zip(x, start)]
        for low, high in zip(block[::2], block[1::2]):
            yield low | high << 32
        counter += 1


def below(stream, count):
    threshold = (1 << 64) % count
    while True:
        product = next(stream) * count
        if product % (1 << 64) >= threshold:
            return product >> 64


def order(seed, epoch, rows):
    stream = words(struct.pack("<QQQII", seed, epoch, 0, 0, 0))
    indices = list(range(rows))
    for last in range(rows - 1, 0, -1):
        other = below(stream, last + 1)
        indices[last], indices[other] = indices[other], indices[last]
    return indices


cases = [(0, 0, 10), (7, 0, 16), (7, 1, 16), (7, 1 << 40, 16), ((1 << 64) - 1, 3, 100)]
path = Path(__file__).parent.parent / "fixtures/loader/order.json"
results = [{"seed": s, "epoch": e, "order": order(s, e, n)} for s, e, n in cases]
path.write_text("[\n" + ",\n".join(map(json.dumps, results)) + "\n]\n")
