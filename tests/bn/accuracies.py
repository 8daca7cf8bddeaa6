"""Checks of accuracy_curve, op_accuracy and ber_curve against the raw rows, and of the answers to --p and --layer."""
import math
from collections import defaultdict

from outcomes import coverage, rates
from raw import NETWORK, close, share_bounds, sum_bounds


def accuracy(raw, t):
    """Of one stratum: without faults, with them, n of the bounds."""
    of, n = rates(raw)[t].of, raw.support(t)[1]
    r, part = of["accuracy"]
    return r + of["lost"][0] - of["gained"][0], r, n if n is None or raw.is_parameter(t) else n * part


def check_curve(raw, table):
    got = defaultdict(dict)
    for r in table("accuracy_curve"):
        place = r["scope"], r["entry"], r["layer"]
        assert r["p"] not in got[place]
        got[place][r["p"]] = r
    seen = 0
    for scope, (p, prior) in raw.scopes.items():
        if raw.conditional(scope):
            assert not any(place[0] == scope for place in got)
            continue
        for t in [None, *prior]:
            strata = {t: 1.0} if t else prior
            terms = [(w, accuracy(raw, s)[1], accuracy(raw, s)[2]) for s, w in strata.items()]
            golden = sum(w * accuracy(raw, s)[0] for s, w in strata.items())
            y, low, high = sum_bounds(terms, 1.0)
            rows = got[(scope, *(t or (None, None)))]
            assert sorted(rows) == sorted({k / 10 for k in range(11)} | {p})
            seen += 1
            for at, r in rows.items():
                for name, b in (("accuracy", y), ("low", low), ("high", high)):
                    close(f"{name} at {at} in {t}", r[name], (1 - at) * golden + at * b, 1e-8)
            assert rows[0.0]["low"] == rows[0.0]["accuracy"] == rows[0.0]["high"]
    assert 0 < seen == len([p for p in got if p[2] is None or p[1:] in raw.scopes[p[0]][1]])


def difference(lost, gained, k):
    """MOVER for the difference of two sums over strata: terms (w, r, n), w adds up to 1."""
    (l, ll, lh), (g, gl, gh) = sum_bounds(lost, 1.0), sum_bounds(gained, 1.0)
    def variance(terms):
        return sum(w * w * r * (1 - r) / n for w, r, n in terms if n)
    both = sum(w * w * r * s / n for (w, r, n), (_, s, _) in zip(lost, gained) if n)
    rho = both / math.sqrt(variance(lost) * variance(gained)) if variance(lost) * variance(gained) > 0 else 0
    def distance(a, b):
        return math.sqrt(a * a + 2 * rho * a * b + b * b)
    return l - g, max(-1, l - g - distance(l - ll, gh - g)), min(1, l - g + distance(lh - l, g - gl))


def check_operations(raw, table):
    groups = defaultdict(dict)
    for t in raw.stratum:
        if t[1] == NETWORK:
            continue
        kind = "parameters" if raw.is_parameter(t) else "activations"
        op = raw.layer[t[1]]["op"] or "input"
        groups[t[0], op, kind, "uniform"][t] = 1
        if raw.stratum[t]["storage"] and not raw.conditional(t[0]):
            groups[t[0], op, kind, "bits"][t] = raw.bits(t)
    got = table("op_accuracy")
    before = None
    for r in got:
        strata = groups.pop((r["entry"], r["op"], r["kind"], r["weights"]))
        tried = {t: w for t, w in strata.items() if t in raw.n}
        w = {t: k / sum(tried.values()) for t, k in tried.items()}
        census = all(raw.support(t)[1] is None for t in w)
        def terms(outcome):
            out = []
            for t, k in w.items():
                (x, part), n = rates(raw)[t].of[outcome], raw.support(t)[1]
                out.append((k, x, n if n is None or raw.is_parameter(t) else n * part))
            return out
        for outcome, name, column in (("accuracy", "accuracy", "accuracy"), ("sdc1", "sdc1", "sdc1_rate"), ("due", "due", "due_rate")):
            y, low, high = sum_bounds(terms(outcome), 1.0)
            close(column, r[column], y)
            close(name + " low", r[name + "_low"], None if census else low, 1e-8)
            close(name + " high", r[name + "_high"], None if census else high, 1e-8)
        drop, low, high = difference(terms("lost"), terms("gained"), w)
        close("drop", r["accuracy_drop"], drop)
        close("drop low", r["accuracy_drop_low"], None if census else low, 1e-8)
        close("drop high", r["accuracy_drop_high"], None if census else high, 1e-8)
        close("golden", r["golden_accuracy"], sum(k * accuracy(raw, t)[0] for t, k in w.items()))
        close("coverage", r["coverage"], sum(strata[t] * coverage(raw, t) for t in w) / sum(strata.values()))
        assert r["census"] == census and r["strata"] == len(w) and r["planned_strata"] == len(strata)
        place = r["entry"], r["weights"], -round(r["accuracy_drop"], 12)
        assert before is None or before <= place, "largest loss first"
        before = place
    assert got and not groups, groups


def check_ber(raw, table):
    want = {t[0]: t for t in raw.stratum if t[1] == NETWORK and raw.entry[t[0]]["ber"] > 0}
    got = {r["entry"]: r for r in table("ber_curve")}
    assert set(got) == set(want)
    for e, r in got.items():
        t = want[e]
        golden, y, n = accuracy(raw, t)
        for name, x, m in (("accuracy", y, n), ("sdc1", rates(raw)[t].of["sdc1"][0], raw.support(t)[1]),
                           ("due", rates(raw)[t].of["due"][0], raw.support(t)[1])):
            close(name, r[name], x)
            for side, b in zip(("_low", "_high"), share_bounds(x, m)):
                close(name + side, r[name + side], b, 1e-8)
        close("golden", r["golden"], golden)
        kinds = {raw.layer[x]["kind"] in ("input", "activation") for s, x in raw.network if s == e}
        assert r["hits"] == ("both" if len(kinds) == 2 else "activations" if True in kinds else "parameters")
        faults = {(rep if raw.is_parameter(t) else (i, rep)) for s, i, rep, *_ in raw.trials if s == t and raw.w[i] > 0}
        assert r["units"] == len(faults) and r["unit"] == ("fault" if raw.is_parameter(t) else "trial")
        assert r["ber"] == raw.entry[e]["ber"] and r["trials"] == sum(s == t and raw.w[i] > 0 for s, i, *_ in raw.trials)


def check_asked(raw, joint, ask):
    """`query --p P --layer A|B`: the accuracy at P; at a pseudo-count of 0 with the bounds of accuracy_curve."""
    scope = min(s for s in raw.scopes if not raw.conditional(s))
    prior = raw.scopes[scope][1]
    layers = sorted({t[1] for t in prior})
    for p, some in ((0.5, layers[:1]), (1, layers[:2]), (0, layers[1:2]), (0.25, layers)):
        chosen = {t: k for t, k in prior.items() if t[1] in some}
        chosen = {t: k / sum(chosen.values()) for t, k in chosen.items()}
        j = joint(raw, p, chosen)
        got = {(r["variable"], r["value"]): r for r in
               ask("--p", str(p), "--layer", "|".join(f"#{x}" for x in some), "--scope", str(scope))}
        assert {v for v, _ in got} == {"correct_label", "correct_golden"}
        right = sum(x for (_, i, c), x in j.items() if c >= 0 and c == raw.label[i])
        r = got["correct_label", 1]
        close(f"accuracy at {p}", r["probability"], right)
        same = sum(x for (_, i, c), x in j.items() if c >= 0 and c == raw.golden[i])
        close(f"the same answer at {p}", got["correct_golden", 1]["probability"], same)
        if raw.setting["pseudo_count"] == 0 and len(some) == 1:
            golden, y, n = accuracy(raw, next(iter(chosen)))
            for name, b in zip(("low", "high"), share_bounds(y, n)):
                close(f"{name} at {p}", r[name], (1 - p) * golden + p * b, 1e-7)
        else:
            assert r["low"] - 1e-12 <= r["probability"] <= r["high"] + 1e-12
