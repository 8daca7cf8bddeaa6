"""Cases of coverage.py: how often a class is answered, and what the answer is worth."""
import itertools

import numpy as np

from simulated import ENDLESS


def by_class(f, view, classes, columns, place=""):
    """Of a view of scopes, or of layers: class -> its rows, one a campaign."""
    got = f.table(view, "class", columns, f"class IN {classes} {place}", "entry" if place else "scope")
    return [(c, got[str(c)]) for c in classes]


def pseudo(f, table, n):
    """Ten images of a class each, where one fails half the time: a pseudo-count draws its rate to that of the others."""
    p = np.eye(10)
    p[3, 3] = p[3, 4] = 0.5
    for a, layers in itertools.product((10, 100), (1, 2)):
        f.clear()
        f.images(np.arange(10))
        f.set(pseudo_count=a)
        some = n if layers == 1 else n // 2
        f.answers(np.arange(some), 0, p, 50)
        if layers > 1:
            f.answers(np.arange(some), 1, np.eye(10), 50)
        f.finish()
        case = f"pseudo-count {a}, one of 10 images fails half, {layers}"
        for c, rows in by_class(f, "bn_class", (3, 4), "fault_low, fault_high"):
            table.score(case, f"bn_class fault, {c}", (0.05, 0.15)[c - 3] if layers == 1 else (0.075, 0.125)[c - 3], rows)
        if layers > 1:
            continue
        for c, rows in by_class(f, "bn_class_given_layer", (3, 4), "low, high, trust_golden_low, trust_golden_high", "AND layer = 0"):
            table.score(case, f"bn_class_given_layer, {c}", (0.05, 0.15)[c - 3], rows[:, :2])
            table.score(case, f"trust_golden given layer, {c}", (1, 0.1 / 0.15)[c - 3], rows[:, 2:])
        for c, rows in by_class(f, "bn_class_given_image_layer", (3, 4), "low, high", "AND image = 3"):
            table.score(case, f"bn_class given image, {c}", 0.5, rows)


LABEL, GOLDEN = np.array([0, 1, 1, 1, 2]), np.array([0, 1, 0, 1, 2])  # the third is wrong without a fault


def mistakes(q):
    """P(class | image, fault) of five images: another one's class, now and then, and a class that none has."""
    p = np.eye(4)[GOLDEN] * (1 - 0.011)
    p[:, 3] = 1e-3
    p[:, 1] += 0.01
    p[:4, 2] += q
    p[:4] -= q * np.eye(4)[GOLDEN[:4]]
    return p


def answers(f, table, n):
    """What an answer is worth, where P(F) = 1/2: entries are campaigns of one layer, or of three of unequal harm."""
    n = n // 2
    cases = [("activations", q, layers, each) for q in (1e-3, 0.05) for layers in (1, 3) for each in (20, 200)]
    cases += [("weights", q, 1, k) for q in (1e-3, 0.05) for k in (50, 400)]
    if table.small:
        cases = [("activations", 1e-3, 1, 200), ("activations", 0.05, 3, 20), ("weights", 1e-3, 1, 50), ("weights", 0.05, 1, 400)]
    for kind, q, layers, each in cases:
        f.clear()
        f.images(GOLDEN, LABEL)
        f.set(p=0.5)
        ps = [s * mistakes(q) + (1 - s) * np.eye(4)[GOLDEN] for s in (1, 0.3, 0.1)[:layers]]
        if kind == "weights":  # a fault has all images answer the same, or does nothing
            fault = f.rng.multinomial(1, [1 - 0.011 - q, 0, 0.01, q, 1e-3], (n, each)).argmax(2) - 1
            said = np.where(fault[:, :, None] < 0, GOLDEN, fault[:, :, None])
            f.add(np.arange(n), 0, [(np.full(5, c), (said == c).sum(1), 0) for c in range(4)], 1, ENDLESS, (said != GOLDEN).sum(2))
        else:
            for t, p in enumerate(ps):
                f.answers(np.arange(n), t, p, each)
        f.finish()
        check_answers(f, table, f"{kind}, answers {q:g}, {layers} x 5 x {each}", np.mean(ps, 0))


def check_answers(f, table, case, p):
    fault, right = p.mean(0), (p * np.eye(4)[LABEL]).mean(0)
    golden, golden_label = np.eye(4)[GOLDEN].mean(0), (np.eye(4)[GOLDEN] * np.eye(4)[LABEL]).mean(0)
    for c, rows in by_class(f, "bn_class", (2, 3), "fault_low, fault_high, low, high, p_fault_low, p_fault_high"):
        table.score(case, f"bn_class fault, {c}", fault[c], rows[:, :2])
        if c == 2:
            table.score(case, f"bn_class, {c}", (golden[c] + fault[c]) / 2, rows[:, 2:4])
            table.score(case, f"bn_class p_fault, {c}", fault[c] / (golden[c] + fault[c]), rows[:, 4:])
    columns = "fault_low, fault_high, label_right_low, label_right_high, label_wrong_low, label_wrong_high"
    for c, rows in by_class(f, "bn_term", (1, 2, 3), columns):
        table.score(case, f"bn_term fault, {c}", fault[c], rows[:, :2])
        if c < 3:
            table.score(case, f"bn_term label right, {c}", right[c], rows[:, 2:4])
        table.score(case, f"bn_term label wrong, {c}", fault[c] - right[c], rows[:, 4:])
    for c, rows in by_class(f, "bn_trust", (0, 1, 2), "trust_label_low, trust_label_high"):
        table.score(case, f"bn_trust label, {c}", (golden_label[c] + right[c]) / (golden[c] + fault[c]), rows)
