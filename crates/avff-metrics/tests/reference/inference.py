"""Writes ../fixtures/inference.json: reference values of partial AUC, DeLong, bootstrap and retrieval.

    pip install numpy scipy scikit-learn && python inference.py

Partial AUC comes from scikit-learn. DeLong's structural components are computed pair by pair, as the
paper of 1988 defines them, and p comes from scipy. The bootstrap uses numpy's random numbers and
quantiles. Retrieval is an argmax over matrices without ties. Scores are multiples of 1/1024, so that
the JSON text holds them exactly.
"""

import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import norm
from sklearn import metrics

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "inference.json"
MAX_FPR = [0.001, 0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0]
rng = np.random.default_rng(20250311)


def labels(n, fakes):
    return rng.permutation(np.arange(n) < fakes).astype(int)


def sets():
    """Yields two scores for each set of clips."""
    y = np.array([1, 1, 0, 0])
    yield "four clips", y, np.array([3.0, 1, 2, 0]), np.array([3.0, 2, 1, 0])
    y = labels(40, 20)
    yield "all equal", y, np.full(40, 0.5), rng.normal(size=40)
    yield "perfect against inverted", y, y + rng.uniform(0, 0.9, 40), -y - rng.uniform(0, 0.9, 40)
    yield "perfect against good", y, y + rng.uniform(0, 0.9, 40), y + rng.normal(0, 0.6, 40)
    y = labels(120, 70)
    yield "heavy ties", y, rng.integers(0, 4, 120) + y, rng.integers(0, 3, 120) + y
    yield "two distinct scores", y, (rng.random(120) < 0.3 + 0.4 * y) * 1.0, rng.integers(0, 2, 120)
    y = labels(410, 10)
    yield "one fake to forty reals", y, 2 * y + rng.normal(size=410), y + rng.normal(size=410)
    y = labels(300, 2)
    yield "two fakes", y, y + rng.normal(size=300), y + rng.normal(size=300)
    y = labels(400, 200)
    shared = y + rng.normal(size=400)
    yield "correlated", y, shared + rng.normal(0, 0.3, 400), shared + rng.normal(0, 0.4, 400)
    yield "nearly a monotone twin", y, shared, 3 * shared - 2
    yield "chance against good", y, rng.normal(size=400), 2 * y + rng.normal(size=400)


def components(y, score):
    """Returns V10 and V01 by the equations of DeLong et al. (1988)."""
    wins = np.sign(score[y == 1][:, None] - score[y == 0][None, :]) / 2 + 0.5
    return wins.mean(1), wins.mean(0)


def delong(y, first, second):
    v10, v01 = zip(components(y, first), components(y, second))
    s10, s01 = np.cov(v10), np.cov(v01)
    s = s10 / (y == 1).sum() + s01 / (y == 0).sum()
    auc = [v.mean() for v in v10]
    variance = s[0, 0] + s[1, 1] - 2 * s[0, 1]
    # A variance of 0 leaves a rounding residue below this bound.
    tested = variance > 1e-15
    z = (auc[1] - auc[0]) / np.sqrt(variance) if tested else None
    return {
        "auc": auc,
        "variance": [s[0, 0], s[1, 1]],
        "covariance": s[0, 1],
        "variance_of_difference": variance,
        "z": z,
        "p": 2 * norm.sf(abs(z)) if tested else None,
    }


def bootstrap(y, score):
    """Returns the 0.025 and 0.975 quantiles of AUC and AP over 20,000 resamples within classes."""
    fakes, reals = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    values = []
    for _ in range(20_000):
        drawn = np.concatenate([rng.choice(fakes, len(fakes)), rng.choice(reals, len(reals))])
        values.append(
            (
                metrics.roc_auc_score(y[drawn], score[drawn]),
                metrics.average_precision_score(y[drawn], score[drawn]),
            )
        )
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return {"auc": [low[0], high[0]], "ap": [low[1], high[1]]}


def main():
    warnings.simplefilter("error")
    cases = []
    for name, y, first, second in sets():
        first, second = (np.round(np.asarray(v, float) * 1024) / 1024 for v in (first, second))
        partial = []
        for max_fpr in MAX_FPR:
            standard = metrics.roc_auc_score(y, first, max_fpr=max_fpr)
            least = max_fpr**2 / 2
            partial.append([max_fpr, (2 * standard - 1) * (max_fpr - least) + least, standard])
        case = {"name": name, "partial": partial, "delong": delong(y, first, second)}
        case |= {"first": first.tolist(), "second": second.tolist(), "target": y.tolist()}
        cases.append(json.dumps(case, separators=(",", ":")))
    y = labels(80, 50)
    score = np.round((y + rng.normal(size=80)) * 1024) / 1024
    drawn = {"interval": bootstrap(y, score), "scores": score.tolist(), "target": y.tolist()}
    retrieval = []
    for n, width, noise in [(2, 3, 0.1), (9, 4, 1.0), (30, 8, 0.5)]:
        a = np.round(rng.normal(size=(n, width)) * 1024) / 1024
        b = np.round((a + noise * rng.normal(size=(n, width))) * 1024) / 1024
        unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b)]
        s = unit[0] @ unit[1].T
        hits = [(s.argmax(axis) == np.arange(n)).mean() for axis in (1, 0)]
        retrieval.append({"first": a.tolist(), "second": b.tolist(), "forward": hits[0], "backward": hits[1]})
    made = f"inference.py with scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}"
    lines = ",\n".join(cases)
    OUT.write_text(
        f'{{"made_by":"{made}",\n"bootstrap":{json.dumps(drawn)},\n'
        f'"retrieval":{json.dumps(retrieval)},\n"cases":[\n{lines}\n]}}\n'
    )


if __name__ == "__main__":
    main()
