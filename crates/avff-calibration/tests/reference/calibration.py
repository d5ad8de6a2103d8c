"""Writes ../fixtures/calibration.json: scored sets and their calibration by scikit-learn and scipy.

    pip install numpy scipy scikit-learn && python calibration.py

Scores are multiples of 1/1024, so that the JSON text holds them exactly.
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "calibration.json"
rng = np.random.default_rng(20261201)


def sets():
    for name, fakes, reals, distance, scale in [
        ("good", 300, 100, 2.0, 3.0),
        ("weak", 80, 120, 0.5, 1.0),
        ("few fakes", 12, 400, 1.5, 2.0),
        ("ties", 60, 60, 1.0, 0.001),
    ]:
        y = np.repeat([1, 0], [fakes, reals])
        score = (rng.normal(distance * (y - 0.4), 1.0) * scale * 1024).round() / 1024
        yield name, y, score


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cllr(ratios, y):
    """The definition of Brümmer and du Preez, with natural logarithms of the ratios."""
    return (np.log2(1 + np.exp(-ratios[y == 1])).mean() + np.log2(1 + np.exp(ratios[y == 0])).mean()) / 2


def bins(p, y, count):
    """The gaps of bins of equal numbers of clips, without equal probabilities in two bins."""
    order = np.argsort(p, kind="stable")
    p, y = p[order], y[order]
    wanted = -(-len(p) // count)
    gaps, start = [], 0
    for end in range(1, len(p) + 1):
        last = end == len(p)
        if last or (end - start >= wanted and p[end] != p[end - 1]):
            gaps.append(((end - start) / len(p), abs(y[start:end].mean() - p[start:end].mean())))
            start = end
    return sum(weight * gap for weight, gap in gaps)


def case(name, y, score):
    # scikit-learn's sigmoid is 1 / (1 + exp(a x + b)), fitted to Platt's smoothed labels.
    a, b = _sigmoid_calibration(score, y)
    platt = sigmoid(-a * score - b)
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, y)
    grid = np.linspace(score.min() - 1, score.max() + 1, 40)
    temperature = minimize_scalar(
        lambda log_t: log_loss(y, sigmoid(score / np.exp(log_t))), bounds=(-12, 12), method="bounded",
        options={"xatol": 1e-12},
    )
    prior = np.log((y == 1).sum() / (y == 0).sum())
    # The best ratios in this order: those of pooled adjacent violators. A share of 0 or 1 costs nothing.
    shares = isotonic.predict(score)
    with np.errstate(divide="ignore"):
        best = np.log(shares) - np.log1p(-shares) - prior
    return {
        "name": name,
        "scores": score.tolist(),
        "fake": y.tolist(),
        "platt": platt.tolist(),
        "isotonic_at": grid.tolist(),
        "isotonic": isotonic.predict(grid).tolist(),
        "temperature": float(np.exp(temperature.x)),
        "brier": brier_score_loss(y, platt),
        "ece": bins(platt, y, 10),
        "loss": log_loss(y, platt),
        "cllr": cllr(-a * score - b - prior, y),
        "cllr_min": cllr(best, y),
    }


def rates():
    for hits, clips in [(0, 1), (0, 15), (1, 15), (7, 15), (15, 15), (3, 1000), (999, 1000), (60, 142)]:
        for level in [0.9, 0.95, 0.99]:
            interval = binomtest(hits, clips).proportion_ci(level, method="exact")
            yield {"hits": hits, "clips": clips, "level": level, "low": interval.low, "high": interval.high}


def main():
    made_by = f"calibration.py with scikit-learn {sklearn.__version__}, scipy {scipy.__version__}"
    cases = [case(*one) for one in sets()]
    OUT.write_text(json.dumps({"made_by": made_by, "cases": cases, "rates": list(rates())}) + "\n")


main()
