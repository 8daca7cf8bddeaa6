"""Checks of the answers beyond the network itself: sinks, re-runs, severity, failure rates."""
import math
from collections import defaultdict

from raw import DUE, close, mover, wilson


def tail(n, k, p):
    """Exact P(X >= k), X binomial."""
    return sum(math.exp(math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + x * math.log(p)
                        + (n - x) * math.log1p(-p)) for x in range(k, n + 1))


def check_sinks(raw, table):
    images = defaultdict(lambda: defaultdict(set))  # place -> class -> images
    n = defaultdict(lambda: defaultdict(int))  # place -> class -> trials
    everything = defaultdict(lambda: defaultdict(int))  # with golden DUE
    for t, i, _, c, masked, bit in raw.trials:
        if c == DUE or c == raw.golden[i]:
            continue
        for place in [("layer", *t, None), ("overall", t[0], None, None)] + ([("bit", t[0], None, bit)] if bit is not None else []):
            everything[place][c] += 1
            if raw.golden[i] != DUE:
                images[place][c].add(i)
                n[place][c] += 1
    got, values = {}, defaultdict(list)
    for r in table("sink_test"):
        place, c = (r["level"], r["entry"], r["layer"], r["bit"]), r["class"]
        got[place, c] = r
        k, K = len(images[place][c]), sum(len(s) for s in images[place].values())
        tried = {i for t in raw.n for i in raw.n[t] if t[0] == r["entry"] and r["layer"] in (None, t[1]) and raw.golden[i] != DUE}
        golden = sum(raw.golden[i] == c for i in tried)
        runner = sum(raw.runner_up[i] == c for i in tried)
        s = max(1, golden, runner) / len(tried)
        close("k", r["images"], k)
        close("share", r["share"], k / K)
        close("lift", r["lift"], k / K / s)
        close("golden share", r["golden_share"], golden / len(tried))
        close("golden classes", r["golden_classes"], len({raw.golden[i] for i in images[place][c]}))
        close("sdc share", r["sdc_share"], n[place][c] / sum(n[place].values()))
        total = sum(m for q in n if q[0] == place[0] and q[1] == place[1] for m in n[q].values())
        close("entry share", r["entry_sdc_share"], n[place][c] / total)
        exact = min(1, tail(K, k, s)) if s < 1 else 1
        assert exact * (1 - 1e-9) <= r["p_value"] <= 1
        if k > 2 * K * s:
            assert r["p_value"] < 2.5 * exact
        values[place[0]].append(r["p_value"])
    assert set(got) == {(p, c) for p in images for c in images[p]} and {p[0] for p in images} == {"layer", "bit", "overall"}
    for level, ps in values.items():  # Benjamini and Hochberg: q of the i-th smallest is min over j >= i of p_j tests / j
        ps.sort()
        tests = len({p for p in images if p[0] == level}) * raw.classes
        q = [min([1.0] + [ps[j] * tests / (j + 1) for j in range(i, len(ps))]) for i in range(len(ps))]
        for (place, _), r in got.items():
            if place[0] == level:
                close("q", r["q_value"], q[max(i for i, p in enumerate(ps) if p == r["p_value"])])
                assert r["is_sink"] == int(r["q_value"] <= raw.setting["alpha"] and r["golden_classes"] >= 3)
    concentration = table("sink_concentration")
    assert len(concentration) == len(everything)
    for r in concentration:
        counts = everything[r["level"], r["entry"], r["layer"], r["bit"]].values()
        close("corruptions", r["sdc1"], sum(counts))
        close("entropy", r["entropy"], -sum(v / sum(counts) * math.log2(v / sum(counts)) for v in counts))
        close("top five", r["top5_share"], sum(sorted(counts)[-5:]) / sum(counts))
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
        assert r["trials"] == total and r["units"] == len(units) and r["counted"] == 1
        for name, v in (("masked", masked), ("sdc1", sdc), ("due", due)):
            close("bit " + name, r[name + "_rate"], v / total)
        low, high = wilson(sdc / total, len(units))
        close("bit low", r["sdc1_low"], low)
        close("bit high", r["sdc1_high"], high)


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
        transient = {t: k for t, k in prior.items() if not raw.is_parameter(t) and not raw.entry[t[0]]["kind"].startswith("stuck")}
        if not transient:
            assert scope not in got
            continue
        flow = [defaultdict(lambda: [0.0, 0.0, 0]) for _ in range(2)]  # class -> N, W, silent corruptions
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
                    for c, m in raw.n[t][i].items():
                        v = k / sum(transient.values()) * raw.w[i] / tried * m / raw.done(t, i)
                        flow[h][c][0] += v
                        if c != DUE and c != raw.golden[i]:
                            flow[h][c][1] += v
                            flow[h][c][2] += m
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
            low, high = wilson(min(1.0, caught / all1), m)
            close("caught low", r["caught_low"], low)
            close("caught high", r["caught_high"], high)
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
    top = max([raw.setting["default_cost"]] + list(raw.cost.values()))
    confusion = {(r["correct"], r["entry"], r["layer"], r["truth_group"], r["answer_group"]): r for r in table("severity_confusion")}
    checked = 0
    for r in table("severity"):
        truth = raw.golden if r["correct"] == "golden" else raw.label
        t = r["entry"], r["layer"]
        cells = [(truth[i], c, raw.golden[i], m) for i in raw.n[t] for c, m in raw.n[t][i].items() if truth[i] is not None and truth[i] >= 0]
        n = sum(x[3] for x in cells)
        mean = sum(cost(y, c) * m for y, c, _, m in cells) / n
        close("trials", r["trials"], n)
        close("cost", r["cost"], mean)
        close("golden cost", r["golden_cost"], sum(cost(y, g) * m for y, _, g, m in cells) / n)
        close("wrong", r["wrong_rate"], sum(m for y, c, _, m in cells if c not in (y, DUE)) / n)
        close("wrong group", r["wrong_group_rate"], sum(m for y, c, _, m in cells if c != DUE and group(c) != group(y)) / n)
        units = len({x[2] for x in raw.trials if x[0] == t}) if raw.is_parameter(t) else n
        share = mean / top
        variance = sum((cost(y, c) / top) ** 2 * m for y, c, _, m in cells) / n - share ** 2
        worth = units * max(1.0, share * (1 - share) / variance) if variance > 0 else units
        low, high = wilson(share, worth)
        close("low", r["low"], top * low, 1e-7)
        close("high", r["high"], top * high, 1e-7)
        sums, of = defaultdict(int), defaultdict(int)
        for y, c, _, m in cells:
            sums[group(y), group(c)] += m
            of[group(y)] += m
        for (a, b), m in sums.items():
            checked += 1
            close("confusion", confusion[r["correct"], *t, a, b]["share"], m / of[a])
    assert checked == len(confusion) > 0


def check_failure_rates(raw, table):
    items = defaultdict(list)
    for t in raw.n:
        e = raw.entry[t[0]]
        if e["ber"] > 0 or e["count"] != 1:
            continue
        counts = defaultdict(lambda: [0, 0, 0])  # unit -> n, sdc, due
        for s, i, rep, c, masked, _ in raw.trials:
            if s == t:
                u = counts[rep if raw.is_parameter(t) else (i, rep)]
                u[0] += 1
                u[1] += c != DUE and c != raw.golden[i]
                u[2] += c == DUE and not masked
        n, sdc, due = (sum(u[k] for u in counts.values()) for k in range(3))
        r, K = sdc / n, len(counts)
        m = n
        if raw.is_parameter(t):  # variance of a ratio estimator over the faults
            v = K / (K - 1) * sum((u[1] - r * u[0]) ** 2 for u in counts.values()) / n ** 2
            m = K if sdc in (0, n) else min(n, r * (1 - r) / v)
        prior = raw.prior.get(t)
        rate = prior["raw_rate"] if prior and prior["raw_rate"] is not None else raw.setting["raw_rate"]
        bits = raw.stratum[t]["population"]
        duty = min(1, raw.setting["parameter_duty" if raw.is_parameter(t) else "activation_duty"])
        item = dict(t=t, kind="parameters" if raw.is_parameter(t) else "activations", raw=rate * 1e9 * bits, duty=duty, sdc=r, m=m,
                    due=due / n, units=K, bits=bits)
        items[t[0]].append(item)
        if prior:
            items[-1].append(item)
    seen = 0
    for row in table("failure_rate"):
        chosen = [x for x in items[row["scope"]] if row["level"] == "all" or (row["level"] == "kind" and row["kind"] == x["kind"])
                  or (row["entry"], row["layer"]) == x["t"]]
        seen += row["level"] == "layer"
        total = sum(x["raw"] for x in chosen)
        close("raw", row["raw_fit"], total)
        close("bits", row["bits"], sum(x["bits"] for x in chosen))
        v, low, high = mover([(x["raw"] * x["duty"], x["sdc"], x["m"]) for x in chosen])
        close("sdc fit", row["sdc_fit"], v)
        close("sdc low", row["sdc_fit_low"], low, 1e-7)
        close("sdc high", row["sdc_fit_high"], high, 1e-7)
        d, low_due, high_due = mover([(x["raw"] * x["duty"], x["due"], x["units"]) for x in chosen])
        close("due fit", row["due_fit"], d)
        close("due low", row["due_fit_low"], low_due, 1e-7)
        close("due high", row["due_fit_high"], high_due, 1e-7)
        close("avf", row["avf"], (v + d) / total)
        close("pvf", row["pvf"], (v + d) / sum(x["raw"] * x["duty"] for x in chosen))
        close("spfm", row["spfm"], 1 - v / total)
        target = raw.setting["fit_target"]
        assert row["target"] == ("met" if high <= target else "missed" if low > target else "open")
    assert seen == sum(len(v) for v in items.values()) > 0
