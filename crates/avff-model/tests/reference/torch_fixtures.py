"""Writes the fixtures `odd_storage*.pth`: formula weights of a nano classifier in unusual storage.

Needs PyTorch; run in this folder. The Rust test rebuilds the same weights by formula.
"""
import math

import torch

MASK = (1 << 64) - 1
DIM, HIDDEN, AUDIO, VIDEO, HEAD = 24, 96, 16, 32, 8
GRID = (8, 2)  # audio patches along time and mel


def stream(name, count):
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    out = []
    for i in range(1, count + 1):
        z = (state + i * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        out.append((z >> 40) / 2**23 - 1)
    return torch.tensor(out, dtype=torch.float32)


def weight(key, shape):
    values = stream(key, math.prod(shape))
    if len(shape) == 1 and "norm" in key and key.endswith("weight"):
        values = values * 0.5 + 1
    elif len(shape) == 1 or "modality" in key:
        values = values * torch.tensor(0.1, dtype=torch.float32)
    else:
        values = values * torch.tensor(math.sqrt(3 / math.prod(shape[1:])), dtype=torch.float32)
    return values.reshape(shape)


def block(prefix, mlp):
    for norm in ("norm1", "norm2"):
        yield f"{prefix}.{norm}.weight", (DIM,)
        yield f"{prefix}.{norm}.bias", (DIM,)
    yield f"{prefix}.attn.qkv.weight", (3 * DIM, DIM)
    yield f"{prefix}.attn.proj.weight", (DIM, DIM)
    yield f"{prefix}.attn.proj.bias", (DIM,)
    for name, (outputs, inputs) in zip(mlp, ((HIDDEN, DIM), (DIM, HIDDEN))):
        yield f"{prefix}.mlp.{name}.weight", (outputs, inputs)
        yield f"{prefix}.mlp.{name}.bias", (outputs,)


def linear(name, outputs, inputs):
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def shapes():
    yield "audio_encoder.modality", (1, 1, DIM)
    yield "audio_encoder.patch_embed.proj.weight", (DIM, 1, 16, 16)
    yield "audio_encoder.patch_embed.proj.bias", (DIM,)
    yield "visual_encoder.patch_embedding.projection.weight", (DIM, 3, 2, 16, 16)
    yield "visual_encoder.patch_embedding.projection.bias", (DIM,)
    for encoder in ("audio_encoder", "visual_encoder"):
        yield f"{encoder}.norm.weight", (DIM,)
        yield f"{encoder}.norm.bias", (DIM,)
    yield from block("audio_encoder.transformer.0", ("fc1", "fc2"))
    yield from block("visual_encoder.blocks.0", ("layers.0.linear", "layers.1.linear"))
    for name, inputs, outputs in (("a2v", AUDIO, VIDEO), ("v2a", VIDEO, AUDIO)):
        yield from linear(f"{name}.mlp.linear", outputs, inputs)
        yield f"{name}.transformer.attention.in_proj_weight", (3 * DIM, DIM)
        yield f"{name}.transformer.attention.in_proj_bias", (3 * DIM,)
        yield from linear(f"{name}.transformer.attention.out_proj", DIM, DIM)
        yield from linear(f"{name}.transformer.fc1", DIM, DIM)
        yield from linear(f"{name}.transformer.fc2", DIM, DIM)
        for norm in ("norm1", "norm2"):
            yield f"{name}.transformer.{norm}.weight", (DIM,)
            yield f"{name}.transformer.{norm}.bias", (DIM,)
    yield from linear("mlp_vision", HEAD, VIDEO)
    yield from linear("mlp_audio", HEAD, AUDIO)
    yield from linear("mlp_head.fc1", HEAD, 2 * HEAD)
    yield from linear("mlp_head.fc2", HEAD, HEAD)
    yield from linear("mlp_head.fc3", 2, HEAD)


def audio_table():
    quarter = DIM // 4
    rows = []
    for token in range(GRID[0] * GRID[1]):
        row = []
        for position in (token % GRID[0], token // GRID[0]):
            exponents = [float(torch.tensor(k / quarter, dtype=torch.float32)) for k in range(quarter)]
            angles = [position * (1 / 10000**e) for e in exponents]
            row += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64).float()[None]


state = {key: weight(key, shape) for key, shape in shapes()}
state["audio_encoder.pos_embed"] = audio_table()
# A transposed view: strides that are not row-major.
key = "mlp_head.fc1.weight"
state[key] = state[key].t().contiguous().t()
# Two views into one storage, one with an offset.
shared = torch.cat([state["a2v.transformer.fc1.bias"], state["a2v.transformer.fc2.bias"]])
state["a2v.transformer.fc1.bias"], state["a2v.transformer.fc2.bias"] = shared[:DIM], shared[DIM:]
# Other widths.
state["mlp_vision.weight"] = state["mlp_vision.weight"].double()
state["mlp_audio.weight"] = state["mlp_audio.weight"].bfloat16()
# A parameter rather than a tensor.
state["mlp_head.fc2.weight"] = torch.nn.Parameter(state["mlp_head.fc2.weight"])

# The interleaved table is taken from the library's own values: what f32 powers give differs in the
# last bit between mathematical libraries, and storage is what is tested here.
position = torch.arange(VIDEO, dtype=torch.float32)[:, None]
index = torch.arange(DIM)
angle = position / torch.tensor(10000).pow(2 * torch.div(index, 2, rounding_mode="trunc") / DIM)
table = angle.clone()
table[:, 0::2], table[:, 1::2] = angle[:, 0::2].sin(), angle[:, 1::2].cos()
state["visual_encoder.pos_embedding.emb"] = table[None]

wrapped = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}, "loss": 0.5}
torch.save(wrapped, "../fixtures/odd_storage.pth")
torch.save(wrapped, "../fixtures/odd_storage_legacy.pth", _use_new_zipfile_serialization=False)
