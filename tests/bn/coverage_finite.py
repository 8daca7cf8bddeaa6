"""Cases of coverage.py: faults drawn without replacement from a small population, and campaigns that were interrupted."""
import itertools
import math

import numpy as np

from simulated import outcomes


def finite(f, table, n):
    """320 faults in all, drawn without replacement."""
    f.clear()
    f.images(np.arange(10))
    harm = np.zeros((320, 10), bool)
    harm[:8] = f.rng.random((8, 10)) < 0.85
    harm[8:60] = f.rng.random((52, 10)) < 0.05
    widths = []
    counts = (5, 40, 160, 300, 320)
    for e, k in enumerate(counts):
        drawn = f.rng.random((n, 320)).argpartition(k - 1, 1)[:, :k]
        y = harm[drawn]
        f.faults(e, np.arange(n), y.sum(2), y.sum(1), 320)
        per_image = np.stack([f.rng.hypergeometric(harm[:, i].sum(), 320 - harm[:, i].sum(), k, n) for i in range(10)], 1)
        f.add(10 + e, np.arange(n), [(f.golden, k - per_image, 0), ((f.golden + 1) % 10, per_image, 0)], 0, 320)
    f.finish()
    for start, kind in ((0, "weights"), (10, "activations")):
        for e, k in enumerate(counts, start):
            rows = outcomes(f)[f"{e} sdc1"]
            census = k == 320
            assert (rows[:, 6] == census).all(), f"{kind}: census with {k} of 320"
            if census:
                assert np.isnan(rows[:, :4]).all() and np.allclose(rows[:, 7], harm.mean())
            else:
                table.score(f"{kind}, {k} of 320 faults", "sdc1", harm.mean(), rows[:, :4])
                widths.append(np.median(rows[:, 1] - rows[:, 0]))
        assert widths[-1] < 0.5 * widths[-2] and (np.diff(widths[-4:]) < 0).all(), widths


def drawn(harmful, population, count):
    """P(h of the harmful ones are among `count` drawn without replacement), for h = 0, 1, ..., harmful."""
    h = range(harmful + 1)
    return np.array([math.comb(harmful, i) * math.comb(population - harmful, count - i) for i in h]) / math.comb(population, count)


def few(f, hits, count, images, population, entry, layer, parameter):
    """Stratum s: hits[s] of `count` faults are harmful; of a parameter on all images, of an activation on the first one."""
    by_image = np.zeros((len(hits), images), int)
    by_image[:, slice(None) if parameter else 0] = np.reshape(hits, (-1, 1)) if parameter else hits
    if parameter:
        f.faults(entry, layer, images * (np.arange(count) < np.reshape(hits, (-1, 1))), by_image, population)
    else:
        f.add(entry, layer, [(f.golden, count - by_image, 0), ((f.golden + 1) % 10, by_image, 0)], 0, population)


def rare(f, table, n):
    """One to three harmful faults in all, drawn without replacement: every campaign that can come, by its probability."""
    f.clear()
    f.images(np.arange(8))
    cases = [(size, round(part * size)) for size in (16, 64, 320, 512) for part in (0.3, 0.6, 0.8, 0.95)]
    for e, (size, count) in enumerate(cases):
        for kind in (0, 1):
            few(f, np.arange(4), count, 8, size, 100 * kind + e, np.arange(4), kind)
    few(f, np.arange(2), 14, 8, 16, 50, np.arange(2), 0)
    f.finish()
    for (e, (size, count)), harmful, kind in itertools.product(enumerate(cases), (1, 2, 3), (0, 1)):
        share = drawn(harmful, size, count)
        rows = outcomes(f)[f"{100 * kind + e} sdc1"][:harmful + 1, :4]
        table.score(f"{('activations', 'weights')[kind]}, {count} of {size} faults, {harmful} harmful", "sdc1",
                    harmful / size / (1 if kind else 8), rows, share=share)
    for outcome, truth in (("sdc1", 1 / 128), ("accuracy", 1 - 1 / 128)):
        table.score("activations, 14 of 16 faults, 1 harmful", outcome, truth, outcomes(f)[f"50 {outcome}"][:, :4], share=drawn(1, 16, 14))
    rare_sums(f, table)


def rare_sums(f, table):
    """The same of ten strata: one harmful fault in all, or one in each (entry: how many of them were drawn)."""
    f.clear()
    f.images(np.arange(2))
    cases = {(kind, where, count): (strata, lucky) for kind, (where, strata, lucky), count in itertools.product(
        (0, 1), (("in one of 10 layers", 10, 1), ("in each of 10 layers", 10, 10), ("in the only layer", 1, 1)), (5, 13, 14, 15))}
    for e, ((kind, _, count), (strata, lucky)) in enumerate(cases.items()):
        for h in range(lucky + 1):
            few(f, (np.arange(strata) < h) * 1, count, 2, 16, 100 * e + h, np.arange(strata), kind)
    f.finish()
    fit = f.read("SELECT raw_rate * 1e9 * 16 FROM bn_setting")[0, 0]
    network = f.table("network_sdc", "entry || weights", "sdc1_low, sdc1_high, sdc1_upper", order="entry")
    rate = f.table("failure_rate", "scope", "sdc_fit_low, sdc_fit_high, sdc_fit_upper", "level = 'all'", order="scope")
    most = 0
    for e, ((kind, where, count), (strata, lucky)) in enumerate(cases.items()):
        case = f"{('activations', 'weights')[kind]}, {count} of 16, 1 bad {where}"
        truth = lucky / 16 / strata / (1 if kind else 2)
        share = np.array([math.comb(lucky, h) * (count / 16) ** h * (1 - count / 16) ** (lucky - h) for h in range(lucky + 1)])
        for weights in ("bits", "uniform"):
            rows = np.concatenate([network[f"{100 * e + h}{weights}"] for h in range(lucky + 1)])
            table.score(case, "network_sdc " + weights, truth, rows, share=share)
        table.score(case, "failure_rate", fit * strata * truth, np.concatenate([rate[str(100 * e + h)] for h in range(lucky + 1)]), share=share)
        f.set(fit_target=0.99 * fit * strata * truth)
        met = f.table("failure_rate", "scope", "target = 'met'", "level = 'all'", order="scope")
        lucky_share = sum(share[h] * met[str(100 * e + h)][0, 0] for h in range(lucky + 1))
        most = max(most, lucky_share)
        if lucky_share > 0.035:
            table.bad.append(f"{case}: target met by luck by {lucky_share:.4f}")
    print(f"16 faults a layer, 1 bad: at most {most:.4f} meet a target below the true rate")


def interrupted(f, table, n):
    """Images with few trials are the bad ones."""
    f.clear()
    f.images(np.arange(40) % 10)
    cases = [(1, 20, 1000, 0.3, 0.0), (10, 20, 200, 0.1, 0.01), (2, 20, 60, 0.3, 0.01)]
    for e, (bad, less, more, worse, better) in enumerate(cases):
        is_bad = np.arange(40) < bad
        f.shares(e, np.arange(n), np.where(is_bad, less, more), np.where(is_bad, worse, better))
    harms = [(0.3, 0.0), (0.1, 0.01), (0.02, 0.0)]
    done = np.where(np.arange(40) < 10, 2, 200)
    for e, (worse, better) in enumerate(harms, 100):  # a harmful fault harms the ten images, or the others, all together
        harm = [f.rng.random((n, 200)) < worse, f.rng.random((n, 200)) < better]
        harm[0][:, 2:] = False
        by_image = np.where(done == 2, harm[0].sum(1)[:, None], harm[1].sum(1)[:, None])
        f.faults(e, np.arange(n), 10 * harm[0] + 30 * harm[1], by_image, done=done)
    f.finish()
    for e, (bad, less, more, worse, better) in enumerate(cases):
        truth = (bad * worse + (40 - bad) * better) / 40
        table.layers(f"{bad} of 40 images x {less}, others x {more}, {worse:g}/{better:g}", f, e, {"sdc1": truth, "accuracy": 1 - truth})
    for e, (worse, better) in enumerate(harms, 100):
        truth = (10 * worse + 30 * better) / 40
        table.layers(f"10 images x 2 faults, 30 x 200, {worse:g}/{better:g}", f, e, {"sdc1": truth, "accuracy": 1 - truth})
