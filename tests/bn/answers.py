"""Checks of the answers beyond the network itself: sinks, re-runs, severity, failure rates."""
import math
from collections import defaultdict
from statistics import NormalDist

from raw import DUE, NETWORK, close, share_bounds, sum_bounds, weighted_bounds


def tail(n, k, p):
    """Exact P(X >= k), X binomial."""
    if k <= 0 or p >= 1:
        return 1.0
    return min(1.0, sum(math.exp(math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + x * math.log(p)
                                 + (n - x) * math.log1p(-p)) for x in range(k, n + 1)))


def tail_bound(n, k, p):
    """What the views use: pmf(k) / (1 - q), q the ratio of the first two terms; checked against the exact tail."""
    if k <= n * p or p >= 1:
        return 1.0
    pmf = math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p))
    q = (n - k) * p / ((k + 1) * (1 - p))
    bound, exact = min(1.0, pmf / (1 - q)), tail(n, k, p)
    assert exact * (1 - 1e-9) <= bound and (k <= 2 * n * p or bound < 2.5 * exact)
    return bound


class Wrong:
    """The wrong answers of one place whose units are pairs (unit 'pair') or faults ('fault')."""

    def __init__(self):
        self.images = defaultdict(set)  # class -> images
        self.n = defaultdict(int)  # class -> trials
        self.faults = defaultdict(list)  # fault -> (image, class)

    def pair_units(self, raw, c):
        """units, hits, more, less"""
        pairs = [(i, k) for k in self.images for i in self.images[k]]
        return (sum(raw.golden[i] != c for i, _ in pairs), sum(k == c for _, k in pairs),
                sum(k == c != raw.runner_up[i] for i, k in pairs), sum(raw.runner_up[i] == c != k for i, k in pairs))

    def fault_units(self, raw, c):
        units = hits = more = less = 0
        share = 1 / (raw.classes - 1)
        for answers in self.faults.values():
            n, w = sum(k == c for _, k in answers), sum(raw.golden[i] != c for i, _ in answers)
            runner = sum(raw.runner_up[i] == c for i, _ in answers)
            units += w > 0
            hits += n > 0 and tail_bound(w, n, share) <= share * (1 + 1e-9)
            more += n > runner
            less += n < runner
        return units, hits, more, less


def wrong_places(raw):
    """(level, entry, layer, bit, unit) -> Wrong, and the counts of concentration: (level, entry, layer, bit) -> class -> n."""
    bits = defaultdict(set)  # fault -> bits of its wrong trials
    for t, i, rep, c, masked, bit in raw.trials:
        if c != DUE and c != raw.golden[i] != DUE:
            bits[t, rep].add(bit)
    places, everything = defaultdict(Wrong), defaultdict(lambda: defaultdict(int))
    for t, i, rep, c, masked, bit in raw.trials:
        if c == DUE or c == raw.golden[i]:
            continue
        for place in [("layer", *t, None)] * (t[1] != NETWORK) + [("overall", t[0], None, None)] + ([("bit", t[0], None, bit)] if bit is not None else []):
            everything[place][c] += 1
            if raw.golden[i] != DUE:
                p = places[place + ("fault" if raw.is_parameter(t) else "pair",)]
                p.images[c].add(i)
                p.n[c] += 1
                if place[0] != "bit" or len(bits[t, rep]) == 1:
                    p.faults[t, rep].append((i, c))
    return places, everything


def check_sink(raw, r, place, places):
    p, c = places[place], r["class"]
    k, K = len(p.images[c]), sum(len(s) for s in p.images.values())
    tried = {i for t in raw.n for i in raw.n[t] if t[0] == r["entry"] and r["layer"] in (None, t[1]) and raw.golden[i] != DUE
             and raw.is_parameter(t) == (r["unit"] == "fault")}
    golden = sum(raw.golden[i] == c for i in tried)
    runner = sum(raw.runner_up[i] == c for i in tried)
    close("images", r["images"], k)
    close("wrong images", r["wrong_images"], K)
    close("share", r["share"], k / K)
    close("lift", r["lift"], k / K / (max(1, golden, runner) / len(tried)))
    close("golden share", r["golden_share"], golden / len(tried))
    close("runner-up share", r["runner_up_share"], runner / len(tried))
    close("golden classes", r["golden_classes"], len({raw.golden[i] for i in p.images[c]}))
    close("trials", r["trials"], p.n[c])
    close("sdc share", r["sdc_share"], p.n[c] / sum(p.n.values()))
    close("entry share", r["entry_sdc_share"], p.n[c] / sum(m for q in places if q[:2] == place[:2] for m in places[q].n.values()))
    units, hits, more, less = (p.fault_units if r["unit"] == "fault" else p.pair_units)(raw, c)
    assert (r["units"], r["hits"], r["more"], r["less"]) == (units, hits, more, less), (r, units, hits, more, less)
    runner_up, uniform = tail_bound(more + less, more, 0.5), tail_bound(units, hits, 1 / (raw.classes - 1))
    if r["unit"] == "fault":  # the pairs have to agree
        units, hits, more, less = p.pair_units(raw, c)
        runner_up = max(runner_up, tail_bound(more + less, more, 0.5))
        uniform = max(uniform, tail_bound(units, hits, 1 / (raw.classes - 1)))
    close("against runners-up", r["p_runner_up"], runner_up)
    close("against scatter", r["p_uniform"], uniform)
    assert r["p_value"] == max(r["p_runner_up"], r["p_uniform"])
    return r["golden_classes"] >= 3 and r["share"] > r["golden_share"]


def check_sinks(raw, table):
    places, everything = wrong_places(raw)
    got, values, eligible = {}, defaultdict(list), {}
    for r in table("sink_test"):
        place = r["level"], r["entry"], r["layer"], r["bit"], r["unit"]
        assert (place, r["class"]) not in got
        got[place, r["class"]] = r
        eligible[place, r["class"]] = check_sink(raw, r, place, places)
        values[place[0]].append(r["p_value"])
    assert set(got) == {(p, c) for p in places for c in places[p].images} and {p[0] for p in places} == {"layer", "bit", "overall"}
    for level, ps in values.items():  # Benjamini and Hochberg: q of the i-th smallest is min over j >= i of p_j tests / j
        ps.sort()
        tests = len({p for p in places if p[0] == level}) * raw.classes
        q = [min([1.0] + [ps[j] * tests / (j + 1) for j in range(i, len(ps))]) for i in range(len(ps))]
        for key, r in got.items():
            if key[0][0] == level:
                close("q", r["q_value"], q[max(i for i, p in enumerate(ps) if p == r["p_value"])])
                assert r["is_sink"] == int(r["q_value"] <= raw.setting["alpha"] and eligible[key])
    concentration = table("sink_concentration")
    assert len(concentration) == len(everything)
    for r in concentration:
        counts = everything[r["level"], r["entry"], r["layer"], r["bit"]].values()
        close("corruptions", r["sdc1"], sum(counts))
        close("entropy", r["entropy"], -sum(v / sum(counts) * math.log2(v / sum(counts)) for v in counts))
        close("top five", r["top5_share"], sum(sorted(counts)[-5:]) / sum(counts))
    check_bits(raw, table)


def check_bits(raw, table):
    confidence = raw.setting["confidence"]
    normal = NormalDist()
    z, z1 = normal.inv_cdf((1 + confidence) / 2), normal.inv_cdf(confidence)
    bits = defaultdict(lambda: [0, 0, 0, 0, set()])
    for t, i, rep, c, masked, bit in raw.trials:
        if bit is not None:
            b = bits[t, bit]
            b[0] += 1
            b[1] += masked
            b[2] += c != DUE and c != raw.golden[i]
            b[3] += c == DUE and not masked
            b[4].add(rep if raw.is_parameter(t) else (i, rep))
    table_bits = table("bit_accuracy")
    assert len(table_bits) == len(bits)
    for r in table_bits:
        total, masked, sdc, due, units = bits[(r["entry"], r["layer"]), r["bit"]]
        n = len(units)
        assert r["trials"] == total and r["units"] == n and r["counted"] == 1 and r["confidence"] == confidence
        for name, v in (("masked", masked), ("sdc1", sdc), ("due", due)):
            close("bit " + name, r[name + "_rate"], v / total)
        for name, v in (("sdc1", sdc), ("due", due)):
            low, high = share_bounds(v / total, n, z)
            close("bit low", r[name + "_low"], low, 1e-7)
            close("bit high", r[name + "_high"], high, 1e-7)
        upper = share_bounds(sdc / total, n, z1)[1] if sdc else 1 - (1 - confidence) ** (1 / n)
        close("bit upper", r["sdc1_upper"], upper, 1e-7)


def one_sided(raw):
    return NormalDist().inv_cdf(raw.setting["confidence"])


def observations(raw, t, images):
    """n of the bounds: faults of a parameter, or trials on these images, each as heavy as the heaviest; None: a census."""
    if raw.is_parameter(t):
        return raw.support(t)[1]
    heaviest = max(raw.w[i] / raw.done(t, i) * raw.part_left(t, raw.done(t, i)) for i in images)
    return sum(raw.w[i] for i in images) / heaviest if heaviest > 0 else None


def check_rerun(raw, table):
    half = {i: (i * 2654435761 >> 16) & 1 for i in raw.w if raw.w[i] > 0}
    assert set(half.values()) == {0, 1}
    got = defaultdict(dict)
    for r in table("rerun_curve"):
        got[r["scope"]][r["size"]] = r
    policy = {r["scope"]: r for r in table("rerun_policy")}
    members = defaultdict(list)
    for r in sorted(table("rerun_set"), key=lambda r: r["place"]):
        members[r["scope"]].append(r["class"])
    for scope, (p, prior) in raw.scopes.items():
        transient = {t: k for t, k in prior.items() if t[1] != NETWORK and not raw.is_parameter(t) and not raw.entry[t[0]]["kind"].startswith("stuck")}
        if not transient:
            assert scope not in got
            continue
        flow = [defaultdict(lambda: [0.0, 0.0, 0, 0.0]) for _ in range(2)]  # class -> N, W, silent corruptions, squares
        one_more = [0.0, 0.0]  # sum of the squared weights of all trials of each half
        golden = [defaultdict(float) for _ in range(2)]
        for h in range(2):
            whole = sum(raw.w[i] for i in half if half[i] == h)
            for i in half:
                if half[i] == h:
                    golden[h][raw.golden[i]] += raw.w[i] / whole
            for t, k in transient.items():
                tried = sum(raw.w[i] for i in half if half[i] == h and raw.done(t, i))
                for i in half:
                    if half[i] != h or not raw.done(t, i):
                        continue
                    one = k / sum(transient.values()) * raw.w[i] / tried / raw.done(t, i)
                    one_more[h] += one * one * raw.done(t, i)
                    for c, m in raw.n[t][i].items():
                        flow[h][c][0] += one * m
                        if c != DUE and c != raw.golden[i]:
                            flow[h][c][1] += one * m
                            flow[h][c][2] += m
                            flow[h][c][3] += one * one * m
        h0 = sum(v == 0 for v in half.values())
        def foreseen(c):
            return (1 - p) * (h0 * golden[0][c] + 1) / (h0 + raw.classes) + p * flow[0][c][0]
        order = sorted((c for c in flow[0] if flow[0][c][1] > 0), key=lambda c: (-round(flow[0][c][1] / foreseen(c), 9), c))
        assert len(got[scope]) == len(order) + 1
        all0, all1 = (sum(f[1] for f in flow[h].values()) for h in range(2))
        m = sum(f[2] for f in flow[1].values())
        chosen = 0
        for size in range(len(order) + 1):
            s, r = order[:size], got[scope][size]
            budget = sum(foreseen(c) for c in s)
            extra = sum((1 - p) * golden[1][c] + p * flow[1][c][0] for c in s)
            caught = sum(flow[1][c][1] for c in s)
            close("budget", r["budget"], budget)
            close("extra", r["extra"], extra)
            close("caught by choice", r["caught_chosen"], sum(flow[0][c][1] for c in s) / all0)
            close("caught", r["caught"], caught / all1)
            close("false alarms", r["false_alarm"], extra - p * caught)
            close("residual", r["residual_sdc_rate"], p * (all1 - caught))
            share, top = min(1.0, caught / all1), one_more[1]
            inside = sum(flow[1][c][3] for c in s)
            outside = sum(f[3] for f in flow[1].values()) - inside
            n = all1 / ((1 - share) * (inside + top ** 2) / (caught + top)
                        + share * (max(0.0, outside) + top ** 2) / (max(0.0, all1 - caught) + top))
            close("observations", r["observations"], n, 1e-7)
            low, high = share_bounds(share, n)
            close("caught low", r["caught_low"], low, 1e-7)
            close("caught high", r["caught_high"], high, 1e-7)
            close("caught lower", r["caught_lower"], share_bounds(share, n, one_sided(raw))[0], 1e-7)
            assert r["sdc_trials"] == m and r["confidence"] == raw.setting["confidence"]
            chosen = size if budget <= raw.setting["rerun_budget"] else chosen
        assert policy[scope]["size"] == chosen and members[scope] == order[:chosen]


def check_severity(raw, table):
    def group(c):
        return "DUE" if c == DUE else raw.group.get(c) or raw.name[c] or str(c)
    def cost(truth, c):
        if truth == c:
            return 0.0
        pair = group(truth), group(c)
        if pair in raw.cost:
            return raw.cost[pair]
        return 0.0 if c == DUE or pair[0] == pair[1] else raw.setting["default_cost"]
    top = max(cost(y, c) for y in range(raw.classes) for c in [DUE, *range(raw.classes)])
    confusion = {(r["correct"], r["entry"], r["layer"], r["truth_group"], r["answer_group"]): r for r in table("severity_confusion")}
    checked = 0
    for r in table("severity"):
        truth = raw.golden if r["correct"] == "golden" else raw.label
        t = r["entry"], r["layer"]
        images = [i for i in raw.n[t] if truth[i] is not None and truth[i] >= 0 and raw.w[i] > 0 and raw.done(t, i)]
        cells = [(truth[i], c, raw.golden[i], m, raw.w[i] / raw.done(t, i), raw.part_left(t, raw.done(t, i))) for i in images for c, m in raw.n[t][i].items()]
        whole = sum(raw.w[i] for i in images)
        def mean(value):
            return sum(value(y, c, g) * m * k for y, c, g, m, k, _ in cells) / whole
        close("trials", r["trials"], sum(x[3] for x in cells))
        close("cost", r["cost"], mean(lambda y, c, g: cost(y, c)))
        close("golden cost", r["golden_cost"], mean(lambda y, c, g: cost(y, g)))
        close("wrong", r["wrong_rate"], mean(lambda y, c, g: c not in (y, DUE)))
        close("wrong group", r["wrong_group_rate"], mean(lambda y, c, g: c != DUE and group(c) != group(y)))
        n = observations(raw, t, images)
        close("observations", r["observations"], n, 1e-7)
        assert r["census"] == (n is None) and r["confidence"] == raw.setting["confidence"]
        if n is None:
            assert r["low"] is r["high"] is r["upper"] is None
        else:
            def variance(value):
                if raw.is_parameter(t):
                    return mean(lambda y, c, g: value(cost(y, c)) ** 2) / n
                return sum(value(cost(y, c)) ** 2 * m * (k / whole) ** 2 * part for y, c, _, m, k, part in cells)
            sums = r["cost"], variance(lambda x: x), variance(lambda x: top - x), top / n, top
            low, high = weighted_bounds(*sums)
            close("low", r["low"], low, 1e-7)
            close("high", r["high"], high, 1e-7)
            close("upper", r["upper"], weighted_bounds(*sums, one_sided(raw))[1], 1e-7)
        sums, of = defaultdict(int), defaultdict(int)
        for y, c, _, m, k, _ in cells:
            sums[group(y), group(c)] += m * k
            of[group(y)] += m * k
        for (a, b), m in sums.items():
            checked += 1
            close("confusion", confusion[r["correct"], *t, a, b]["share"], m / of[a])
    assert checked == len(confusion) > 0


def check_failure_rates(raw, table):
    items, planned = defaultdict(list), defaultdict(float)
    for t, s in raw.stratum.items():
        e = raw.entry[t[0]]
        if raw.conditional(t[0]) or e["count"] != 1:
            continue
        kind, prior = ("parameter" if raw.is_parameter(t) else "activation"), raw.prior.get(t)
        rate = prior["raw_rate"] if prior and prior["raw_rate"] is not None else raw.setting["raw_rate"]
        bits = raw.bits(t)
        duty = min(1, raw.setting[kind + "_duty"])
        if prior and prior["residency"] is not None and raw.setting[kind + "_hours"] > 0:
            duty = min(1, duty * prior["residency"] / raw.setting[kind + "_hours"])
        for scope in [t[0]] + ([-1] if prior else []):
            planned[scope, kind + "s"] += rate * 1e9 * bits
            planned[scope, "all"] += rate * 1e9 * bits
        images = [i for i in raw.n[t] if raw.w[i] > 0] if t in raw.n else []
        if not images:
            continue
        weight = sum(raw.w[i] for i in images)
        def share(pick):
            return sum(raw.w[i] / weight * sum(m for c, m in raw.n[t][i].items() if pick(c, i)) / raw.done(t, i) for i in images)
        unmasked = defaultdict(int)  # DUE where the golden answer is DUE, too
        for x, i, _, c, masked, _ in raw.trials:
            unmasked[i] += x == t and c == DUE and not masked
        due = sum(raw.w[i] / weight * unmasked[i] / raw.done(t, i) for i in images)
        item = dict(t=t, kind=kind + "s", raw=rate * 1e9 * bits, live=rate * 1e9 * bits * duty, bits=bits, due=due, storage=s["storage"],
                    sdc=share(lambda c, i: c not in (DUE, raw.golden[i])), n=observations(raw, t, images),
                    coverage=sum(raw.weight(i) for i in images) / sum(raw.weight(i) for i in raw.label),
                    i=weight ** 2 / sum(raw.w[i] ** 2 for i in images))
        item["fail"] = item["sdc"] + item["due"]
        for scope in [t[0]] + ([-1] if prior else []):
            items[scope].append(item)
    z1, seen = one_sided(raw), 0
    def bounds(chosen, name):
        """low, high, one-sided upper"""
        terms = [(x["live"], x[name], x["n"]) for x in chosen]
        _, low, high = sum_bounds(terms)
        if len(terms) == 1 and terms[0][2] is not None and terms[0][1] <= 0:  # the exact rule of three
            return low, high, terms[0][0] * (1 - (1 - raw.setting["confidence"]) ** (1 / terms[0][2]))
        return low, high, sum_bounds(terms, z=z1)[2]
    for row in table("failure_rate"):
        chosen = [x for x in items[row["scope"]] if (row["level"] == "all" and x["storage"])
                  or (row["level"] == "kind" and row["kind"] == x["kind"] and x["storage"]) or (row["entry"], row["layer"]) == x["t"]]
        if row["level"] == "layer":
            assert row["storage"] == chosen[0]["storage"]
        seen += row["level"] == "layer"
        total, live = sum(x["raw"] for x in chosen), sum(x["live"] for x in chosen)
        close("raw", row["raw_fit"], total)
        close("bits", row["bits"], sum(x["bits"] for x in chosen))
        if total == 0:  # no storage: no bits, no upsets, and nothing to hold against them
            assert row["sdc_fit"] == row["sdc_fit_high"] == row["due_fit"] == 0
            assert row["avf"] is row["pvf"] is row["spfm"] is row["coverage"] is row["target"] is None
            continue
        value = {}
        for name in ("sdc", "due"):
            value[name] = sum(x["live"] * x[name] for x in chosen)
            close(name + " fit", row[name + "_fit"], value[name])
            for side, v in zip(("_low", "_high", "_upper"), bounds(chosen, name)):
                close(name + side, row[name + "_fit" + side], v, 1e-7)
        fail_low, fail_high, _ = bounds(chosen, "fail")
        for name, whole in (("avf", total), ("pvf", live)):
            close(name, row[name], (value["sdc"] + value["due"]) / whole)
            close(name, row[name + "_low"], fail_low / whole, 1e-7)
            close(name, row[name + "_high"], fail_high / whole, 1e-7)
        low, high, _ = bounds(chosen, "sdc")
        for side, v in (("", value["sdc"]), ("_low", high), ("_high", low)):
            close("spfm", row["spfm" + side], 1 - v / total, 1e-7)
        steps = [x["live"] / x["n"] for x in chosen if x["kind"] == "parameters" and x["n"]]
        n = 1 / (1 / min(x["i"] for x in chosen) + max(steps, default=0) / live)
        wide = [live * v for v in share_bounds(min(1.0, value["sdc"] / live), n)]
        wide = min(low, wide[0]), max(high, wide[1])
        for side, v in zip(("_low", "_high"), wide):
            close("population", row["sdc_fit_population" + side], v, 1e-7)
        for side, v in (("", value["sdc"]), ("_low", low), ("_high", high)):
            close("parameter_vf", row["parameter_vf" + side], v / live if row["kind"] == "parameters" else None, 1e-7)
        target = raw.setting["fit_target"]
        if row["level"] == "layer":
            assert row["target"] is row["target_population"] is row["fit_target"] is None
            close("coverage", row["coverage"], chosen[0]["coverage"])
        else:
            coverage = sum(x["raw"] * x["coverage"] for x in chosen) / planned[row["scope"], row["kind"]]
            whole = coverage > 1 - 1e-9
            close("coverage", row["coverage"], coverage)
            for name, (x, y) in (("target", (low, high)), ("target_population", wide)):
                assert row[name] == ("missed" if x > target else "met" if y <= target and whole else "open"), row
    assert seen == sum(len(v) for v in items.values()) > 0
