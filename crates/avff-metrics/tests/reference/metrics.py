"""Writes ../fixtures/metrics.json: scored sets and their metrics by scikit-learn.

    pip install numpy scipy scikit-learn && python metrics.py

Scores are multiples of 1/1024, so that the JSON text and f32 hold scores and ties exactly.
"""

import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn import metrics

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "metrics.json"
rng = np.random.default_rng(20240617)


def labels(n, fakes):
    return rng.permutation(np.arange(n) < fakes).astype(int)


def logits(y, distance, noise=1.0):
    """Returns two outputs that partly disagree; the classes lie `distance` deviations apart."""
    fake = distance * (y - 0.5) + rng.normal(0, noise, len(y))
    return fake, -fake + rng.normal(0, 0.5, len(y))


def sets():
    y = np.array([1, 0])
    yield "two clips, right", y, np.array([0.8, 0.3]), np.array([0.2, 0.7])
    yield "two clips, wrong", y, np.array([0.3, 0.8]), np.array([0.7, 0.2])
    y = labels(7, 3)
    yield "seven clips", y, *logits(y, 1.0)
    y = labels(40, 20)
    yield "all equal", y, np.full(40, 0.5), np.full(40, 0.5)
    yield "perfect", y, y + rng.uniform(0, 0.9, 40), 1 - y + rng.uniform(0, 0.9, 40)
    yield "inverted", y, -y - rng.uniform(0, 0.9, 40), y - rng.uniform(0, 0.9, 40)
    y = labels(120, 70)
    yield "heavy ties", y, rng.integers(0, 4, 120) + y, rng.integers(0, 3, 120) - y
    yield "two distinct scores", y, (rng.random(120) < 0.3 + 0.4 * y) * 1.0, rng.integers(0, 2, 120)
    y = labels(410, 10)
    yield "one fake to forty reals", y, *logits(y, 2.0)
    y = labels(410, 400)
    yield "forty fakes to one real", y, *logits(y, 2.0)
    y = labels(300, 1)
    yield "a single fake", y, *logits(y, 1.0)
    y = labels(500, 250)
    yield "chance", y, rng.normal(size=500), rng.normal(size=500)
    yield "good", y, *logits(y, 3.0)
    fake = 1 / (1 + np.exp(-logits(y, 2.0)[0]))
    yield "softmax", y, fake, 1 - fake
    fake = 1 / (1 + np.exp(-logits(y, 16.0, 6.0)[0]))
    yield "saturated probabilities", y, fake.round(2), y * 0.0
    y = labels(200, 90)
    yield "large logits of both signs", y, *(1e3 * v for v in logits(y, 0.7))


def expected(y, fake, real):
    t = np.stack([y, 1 - y], 1)
    s = np.stack([fake, real], 1)
    auc = metrics.roc_auc_score(t, s, average=None)
    ap = metrics.average_precision_score(t, s, average=None)
    called = s.argmax(1) == 0
    fpr, tpr, _ = metrics.roc_curve(y, fake, drop_intermediate=False)
    eer = brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1, xtol=1e-15, rtol=1e-15)
    dprime = np.sqrt(2) * norm.ppf(auc.mean())
    return {
        "auc": auc[0],
        "mean_auc": auc.mean(),
        "ap": ap[0],
        "map": ap.mean(),
        "accuracy": metrics.accuracy_score(y, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, called),
        "eer": eer,
        "tpr_at_fpr_1": tpr[fpr <= 0.01].max(),
        "tpr_at_fpr_01": tpr[fpr <= 0.001].max(),
        # JSON has no infinity; null stands for infinity with the sign of mean_auc - 0.5.
        "dprime": dprime if np.isfinite(dprime) else None,
    }


def main():
    warnings.simplefilter("error")
    lines = []
    for name, y, fake, real in sets():
        fake, real = (np.round(np.asarray(v, float) * 1024) / 1024 for v in (fake, real))
        case = {"name": name, "expected": expected(y, fake, real)}
        case |= {"fake": fake.tolist(), "real": real.tolist(), "target": y.tolist()}
        lines.append(json.dumps(case, separators=(",", ":")))
    rates = [1e-300, 1e-30, 1e-12, 1e-6, 0.001, 0.02, 0.0749, 0.0751, 0.25, 0.4999, 0.5]
    rates += [1 - p for p in rates[3:-1]]
    probit = [[p, norm.ppf(p)] for p in rates]
    made = f"metrics.py with scikit-learn {sklearn.__version__}, scipy {scipy.__version__}"
    cases = ",\n".join(lines)
    OUT.write_text(
        f'{{"made_by":"{made}",\n"probit":{json.dumps(probit)},\n"cases":[\n{cases}\n]}}\n'
    )


if __name__ == "__main__":
    main()
