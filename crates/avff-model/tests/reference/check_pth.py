"""Compares a `.pth` of `avff convert` with the safetensors file that it came from, bit by bit.

Needs PyTorch: python check_pth.py FILE.safetensors FILE.pth
"""
import json
import struct
import sys
import zipfile

import torch

DTYPES = {"F32": torch.float32, "F16": torch.float16}


def safetensors(path):
    with open(path, "rb") as file:
        raw = file.read()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for key, info in json.loads(raw[8:start]).items():
        if key != "__metadata__":
            first, end = info["data_offsets"]
            values = bytearray(raw[start + first : start + end])
            tensor = torch.frombuffer(values, dtype=DTYPES[info["dtype"]])
            tensors[key.removeprefix("module.")] = tensor.reshape(info["shape"])
    return tensors


expected = safetensors(sys.argv[1])
assert zipfile.ZipFile(sys.argv[2]).testzip() is None
for mapped in (False, True):
    loaded = torch.load(sys.argv[2], weights_only=True, mmap=mapped)
    actual = {key.removeprefix("module."): tensor for key, tensor in loaded.items()}
    assert actual.keys() == expected.keys(), actual.keys() ^ expected.keys()
    for key, tensor in actual.items():
        assert tensor.is_contiguous() and not tensor.requires_grad, key
        assert torch.equal(tensor, expected[key].to(tensor.dtype)), key
print(f"{len(expected)} tensors are equal, in PyTorch {torch.__version__}")
