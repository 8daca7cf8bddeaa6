"""independent.py BITSINK: compares every table of the Bayesian network with a computation from the raw rows (raw.py)."""
import math
import os
import subprocess
import sys
import tempfile
from collections import defaultdict

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from skips import fashion

from accuracies import check_asked, check_ber, check_curve, check_operations
from rankings import check_rankings
from raw import DUE, Raw, close, rows, share_bounds, sum_bounds, widened

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
JOB = f"""
model: {HERE}/../models/fashion_vgg.onnx
class_names: {HERE}/../jobs/fashion_classes.txt
seed: 7
top_k: 10
images: {{idx_images: {IMAGES}, idx_labels: {IMAGES.replace("images-idx3", "labels-idx1")}, limit: 30}}
preprocess: {{scale: 1/255, mean: 0.2860, std: 0.3530}}
faults:
  - {{id: 1, name: flips, targets: [conv1_1, conv2_1, relu2_1, fc1, logits], storage: [conv*, fc1, logits], fault: flip, bits: any, trials: 60}}
  - {{id: 2, name: weights, targets: [{{name: conv3_1, kind: weight}}, {{name: fc1, kind: weight}}], fault: flip, trials: 40}}
  - {{id: 3, name: rate, targets: pool2, fault: flip, ber: 1e-4, trials: 20}}
  - {{id: 6, name: some, targets: {{name: conv1_1, kind: bias}}, fault: flip, bits: [30], trials: 10}}
  - {{id: 7, name: census, targets: {{name: conv1_1, kind: bias}}, fault: flip, bits: sign, trials: 16}}
  - {{id: 8, name: few, targets: [logits], fault: flip, bits: [30], trials: 6}}
  - {{id: 5, name: stuck, targets: [conv1_2], fault: stuck-at-1, bits: exponent, trials: 30}}
  - {{id: 9, name: sweep, targets: [relu2_1, fc1, logits], scope: inference, fault: flip, ber: [1e-4, 1e-2], trials: 8}}
  - {{id: 11, name: several, targets: [{{name: logits, probability: 0.5}}, {{name: fc1, kind: weight, probability: 0.1}}], scope: inference, fault: flip, bits: exponent, trials: 9}}
  - {{id: 12, name: part, targets: [fc1, logits], fault: flip, bits: exponent, probability: 0.5, trials: 5}}
"""


def key(row, *names):
    return tuple(row[n] for n in names)


def check_given_layer(raw, table):
    want, without = ({t: raw.flows(t, raw=w) for t in raw.n} for w in (False, True))
    seen = set()
    labels = {raw.label[i] for i in raw.w if raw.w[i] > 0}
    for r in table("bn_class_given_layer"):
        t, c = (r["entry"], r["layer"]), r["class"]
        seen.add((t, c))
        x, right_label, right_golden = want[t][c]
        m = raw.support(t)[1]
        what = f"P(class {c} | {t})"
        close(what, r["observations"], m)
        for name, v in (("probability", x), ("correct_label", right_label), ("correct_golden", right_golden)):
            close(f"{what} {name}", r[name], v)
        seen_x, seen_label, seen_golden = without[t][c]
        low, high = widened(x, *share_bounds(seen_x, m))
        close(what + " low", r["low"], low)
        close(what + " high", r["high"], high)
        for name, right, seen_right, known in (("label", right_label, seen_label, c in labels), ("golden", right_golden, seen_golden, c >= 0)):
            if known:
                rl, rh = widened(right, *share_bounds(seen_right, m))
                wl, wh = widened(max(0, x - right), *share_bounds(max(0, seen_x - seen_right), m))
                close(f"{what} trust {name}", r[f"trust_{name}"], right / x)
                close(f"{what} trust {name} low", r[f"trust_{name}_low"], rl / (rl + wh))
                close(f"{what} trust {name} high", r[f"trust_{name}_high"], rh / (rh + wl))
            elif c >= 0:
                close(what, r[f"trust_{name}"], None)
    assert seen == {(t, c) for t in want for c in want[t] if want[t][c][0] > 0}


def check_accuracy(raw, table):
    got = table("bn_correct_given_layer")
    assert len(got) == len(raw.n)
    for r in got:
        t = r["entry"], r["layer"]
        total, m = raw.support(t)
        images = [i for i in raw.w if raw.w[i] > 0 and raw.done(t, i)]
        flows, without = raw.flows(t).values(), raw.flows(t, raw=True).values()
        close("without fault", r["label_without_fault"], sum(raw.w[i] for i in images if raw.golden[i] == raw.label[i]) / total)
        for notion, k in (("label", 1), ("golden", 2)):
            v = sum(f[k] for f in flows)
            low, high = widened(min(1, v), *share_bounds(min(1, sum(f[k] for f in without)), m))
            close("accuracy", r["correct_" + notion], v)
            close("accuracy low", r[notion + "_low"], low)
            close("accuracy high", r[notion + "_high"], high)


def terms(raw, scope):
    """class -> A by label, M, and of answer, right and wrong by both notions: (value, low, high); also per stratum."""
    p, prior = raw.scopes[scope]
    flows, without = ({t: raw.flows(t, raw=w) for t in prior} for w in (False, True))
    out = {}
    for c in list(range(raw.classes)) + [DUE]:
        part = {}
        for name, pick in (("answer", lambda f: f[0]), ("right_label", lambda f: f[1]), ("wrong_label", lambda f: max(0, f[0] - f[1])),
                           ("right_golden", lambda f: f[2]), ("wrong_golden", lambda f: max(0, f[0] - f[2]))):
            def terms_of(flows):
                return [(k, pick(flows[t].get(c, [0, 0, 0])), raw.support(t)[1]) for t, k in prior.items()]
            v = sum(k * x for k, x, _ in terms_of(flows))
            part[name] = v, *widened(v, *sum_bounds(terms_of(without), 1.0)[1:])
        part["M"] = sum(w for i, w in raw.w.items() if raw.golden[i] == c)
        part["A"] = sum(w for i, w in raw.w.items() if raw.golden[i] == c == raw.label[i])
        out[c] = part
    return p, prior, flows, out


def trust(part, notion, p):
    """value, low, high"""
    known = part["A"] if notion == "label" else part["M"]
    right, wrong = part["right_" + notion], part["wrong_" + notion]
    def at(b, w, n):
        whole = (1 - p) * part["M"] + p * n
        return ((1 - p) * known + p * b) / whole if whole > 0 else None
    return (at(right[0], 0, part["answer"][0]), at(right[1], 0, right[1] + wrong[2]), at(right[2], 0, right[2] + wrong[1]))


def check_trust(raw, table):
    for scope in raw.scopes:
        p, _, _, want = terms(raw, scope)
        labels = {raw.label[i] for i in raw.w if raw.w[i] > 0}
        got = [r for r in table("bn_trust") if r["scope"] == scope]
        assert len(got) == raw.classes
        for r in got:
            for notion in ("label", "golden"):
                known = notion == "golden" or r["class"] in labels
                v = trust(want[r["class"]], notion, p) if known else (None, None, None)
                for name, x in zip(("", "_low", "_high"), v):
                    close(f"trust {notion} {name} of {r['class']}", r[f"trust_{notion}{name}"], x)
            n = want[r["class"]]["answer"][0]
            whole = (1 - p) * want[r["class"]]["M"] + p * n
            close("P(F|C)", r["p_fault"], p * n / whole if whole > 0 else None)
        known = [r["trust_label"] for r in got if r["trust_label"] is not None]
        assert all(x <= y + 1e-11 for x, y in zip(known, known[1:])), "least trustworthy first"
        curve = [r for r in table("bn_trust_curve") if r["scope"] == scope]
        if raw.conditional(scope):
            assert not curve
            continue
        places = defaultdict(list)
        for r in curve:
            places[r["class"]].append(r["p"])
            known = r["class"] in labels
            for notion in ("label", "golden"):
                v = trust(want[r["class"]], notion, r["p"])
                for name, x in zip(("", "_low", "_high"), v):
                    close("curve", r[f"trust_{notion}{name}"], x if known or notion == "golden" else None)
        for ps in places.values():
            assert len(ps) == 37 and ps[0] == 1e-9 and ps[-1] == 1
            assert all(abs(math.log10(b / a) - 0.25) < 1e-9 for a, b in zip(ps, ps[1:]))


def others_of(raw, prior, t, c):
    """Answer c in the other strata: sum, low, high."""
    rest = sum(k * raw.flows(s)[c][0] for s, k in prior.items() if s != t)
    terms = [(k, raw.flows(s, raw=True)[c][0], raw.support(s)[1]) for s, k in prior.items() if s != t]
    return (rest, *widened(rest, *sum_bounds(terms)[1:])) if terms else (0, 0, 0)


def check_posteriors(raw, table):
    for scope in raw.scopes:
        p, prior, flows, want = terms(raw, scope)
        for r in table("bn_class"):
            if r["scope"] == scope:
                n, low, high = want[r["class"]]["answer"]
                m = want[r["class"]]["M"]
                close("P(C)", r["probability"], (1 - p) * m + p * n)
                close("P(C) low", r["low"], (1 - p) * m + p * low)
                close("P(C) high", r["high"], (1 - p) * m + p * high)
                if (1 - p) * m + p * high > 0:
                    close("P(F|C) high", r["p_fault_high"], p * high / ((1 - p) * m + p * high))
        for r in table("bn_layer_given_class"):
            if r["scope"] != scope or r["layer"] < 0:
                continue
            t, c = (r["entry"], r["layer"]), r["class"]
            m = want[c]["M"]
            def x(s):
                return flows[s][c][0]
            rest, rest_low, rest_high = others_of(raw, prior, t, c)
            low, high = widened(x(t), *share_bounds(raw.flows(t, raw=True)[c][0], raw.support(t)[1]))
            close("P(L|C)", r["probability"], p * prior[t] * x(t) / ((1 - p) * m + p * (prior[t] * x(t) + rest)))
            seen = (1 - p) * m + p * (prior[t] * low + rest_high)
            close("P(L|C) low", r["low"], p * prior[t] * low / seen if seen > 0 else None, 1e-7)
            close("P(L|C) high", r["high"], p * prior[t] * high / ((1 - p) * m + p * (prior[t] * high + rest_low)), 1e-7)


def joint(raw, p, prior):
    """(t or None, image, class) -> probability"""
    out = defaultdict(float)
    for i, w in raw.w.items():
        if w > 0:
            out[None, i, raw.golden[i]] += (1 - p) * w
    for t, k in prior.items():
        total, _ = raw.support(t)
        for i, w in raw.w.items():
            if w > 0 and raw.done(t, i) > 0:
                for c, v in raw.smoothed(t, i).items():
                    out[t, i, c] += p * k * w / total * v
    return out


def check_images(raw, table):
    for scope in raw.scopes:
        j = joint(raw, *raw.scopes[scope])
        by_image, by_class, pair = defaultdict(float), defaultdict(float), defaultdict(float)
        for (_, i, c), v in j.items():
            by_image[i] += v
            by_class[c] += v
            pair[i, c] += v
        for view, whole, index in (("bn_class_given_image", by_image, 0), ("bn_image_given_class", by_class, 1)):
            sums = defaultdict(float)
            for r in table(view):
                if r["scope"] != scope:
                    continue
                place = r["image" if index == 0 else "class"]
                sums[place] += r["probability"] or 0
                if r["image"] is not None and r["class"] is not None:
                    v = pair[r["image"], r["class"]]
                    close(view, r["probability"], v / whole[place] if whole[place] else None)
                    if r["probability"] is not None:
                        assert r["low"] - 1e-12 <= r["probability"] <= r["high"] + 1e-12
            for place, v in sums.items():
                if whole[place] > 0:
                    close(f"sum of {view}", v, 1)


def check_queries(raw, ask):
    scope = min(raw.scopes)
    p, prior = raw.scopes[scope]
    j = joint(raw, p, prior)
    t = sorted(prior)[0]
    image = 3
    c = raw.golden[image]
    def matches(what, value, cell):
        s, i, k = cell
        return {"class": k, "layer": s[1] if s else -1, "image": i, "fault": int(s is not None), "golden": raw.golden[i],
                "label": raw.label[i], "correct_label": int(k >= 0 and k == raw.label[i]), "entry": s[0] if s else -1,
                "correct_golden": int(k >= 0 and k == raw.golden[i])}[what] in (value if isinstance(value, tuple) else (value,))
    other, layers = raw.golden[image + 1], tuple(s[1] for s in sorted(prior)[:2])
    assert other != c
    for given in ({}, {"class": c}, {"layer": t[1]}, {"class": c, "layer": t[1]}, {"image": image}, {"class": c, "image": image},
                  {"fault": 1}, {"correct_golden": 0}, {"label": raw.label[image], "fault": 1}, {"class": (c, other)},
                  {"layer": layers}, {"class": (other, c), "layer": (*layers, -1)}, {"image": (image, 5), "correct_label": (0, 1)}):
        text = ",".join(f"{k}={'|'.join(('' if k.startswith('correct') else '#') + str(x) for x in v)}" if isinstance(v, tuple)
                        else f"{k}={v}" for k, v in given.items())
        cells = {k: v for k, v in j.items() if all(matches(a, b, k) for a, b in given.items())}
        whole = sum(cells.values())
        got = ask(*(["--given", text] if text else []), "--of", "correct,fault,class,layer,image,label,golden,entry")
        sums = defaultdict(float)
        for r in got:
            v = sum(x for k, x in cells.items() if matches(r["variable"], r["value"], k))
            close(f"P({r['variable']}={r['value']} | {text})", r["probability"], v / whole)
            assert r["low"] - 1e-12 <= r["probability"] <= r["high"] + 1e-12, r
            sums[r["variable"]] += r["probability"]
        assert len(sums) == 9
        for v in sums.values():
            close("sum", v, 1)
    # Intervals in full: P(correct | class) as in bn_trust, P(fault | class) and P(layer | class) as in their tables.
    _, _, _, want = terms(raw, scope)
    tables = {(r["variable"], r["value"]): r for r in ask("--given", f"class={c}", "--of", "fault,layer")}
    n, low, high = want[c]["answer"]
    m = want[c]["M"]
    close("fault low", tables["fault", 1]["low"], p * low / ((1 - p) * m + p * low), 1e-7)
    close("fault high", tables["fault", 1]["high"], p * high / ((1 - p) * m + p * high), 1e-7)
    for s in prior:
        if len([q for q in prior if q[1] == s[1]]) > 1 or ("layer", s[1]) not in tables:
            continue
        rest, rest_low, rest_high = others_of(raw, prior, s, c)
        low, high = widened(raw.flows(s)[c][0], *share_bounds(raw.flows(s, raw=True)[c][0], raw.support(s)[1]))
        r = tables["layer", s[1]]
        close("layer low", r["low"], p * prior[s] * low / ((1 - p) * m + p * (prior[s] * low + rest_high)), 1e-7)
        close("layer high", r["high"], p * prior[s] * high / ((1 - p) * m + p * (prior[s] * high + rest_low)), 1e-7)
    for r in ask("--given", f"class={c}", "--of", "correct_golden"):
        if r["value"] == 1:
            v = trust(want[c], "golden", p)
            close("query low", r["low"], v[1], 1e-7)
    check_set(raw, ask, scope, (c, other), want)
    check_asked(raw, joint, ask)


def check_set(raw, ask, scope, classes, want):
    """P(correct_golden | C is one of these) with its lower bound."""
    p, prior = raw.scopes[scope]
    bounds = {}
    for name, part in (("right", lambda f: f[2]), ("wrong", lambda f: f[0] - f[2])):
        smooth = sum(k * sum(part(raw.flows(t)[c]) for c in classes) for t, k in prior.items())
        terms_of = [(k, sum(part(raw.flows(t, raw=True)[c]) for c in classes), raw.support(t)[1]) for t, k in prior.items()]
        bounds[name] = (smooth, *widened(smooth, *sum_bounds(terms_of)[1:]))
    m = sum(want[c]["M"] for c in classes)
    r, = (r for r in ask("--given", "class=" + "|".join(f"#{c}" for c in classes), "--of", "correct_golden") if r["value"] == 1)
    low, wrong = bounds["right"][1], bounds["wrong"][2]
    close("set", r["probability"], ((1 - p) * m + p * bounds["right"][0]) / ((1 - p) * m + p * (bounds["right"][0] + bounds["wrong"][0])))
    close("low of a set", r["low"], ((1 - p) * m + p * low) / ((1 - p) * m + p * (low + wrong)), 1e-7)


def main():
    bitsink = os.path.abspath(sys.argv[1])
    fashion()
    from answers import check_failure_rates, check_rerun, check_severity, check_sinks
    from outcomes import check_images_as_sample, check_network, check_outcomes
    with tempfile.TemporaryDirectory() as folder:
        db, job = os.path.join(folder, "r.db"), os.path.join(folder, "job.yaml")
        with open(job, "w") as f:
            f.write(JOB)
        subprocess.run([bitsink, "run", "--quiet", "--device", "null", "--db", db, job], check=True, stdout=subprocess.DEVNULL)
        def bn(*args):
            subprocess.run([bitsink, "bn", db, *args, "--quiet"], check=True)
        filled = {}  # by table: whether any check had rows of it
        def check():
            raw, cache = Raw(db), {}
            def table(name):
                if name not in cache:
                    cache[name] = rows(bitsink, db, name)
                    filled[name] = filled.get(name, False) or bool(cache[name])
                return cache[name]
            check_outcomes(raw, table)
            check_network(raw, table)
            check_curve(raw, table)
            check_operations(raw, table)
            check_ber(raw, table)
            check_images_as_sample(raw, table)
            check_given_layer(raw, table)
            check_accuracy(raw, table)
            check_trust(raw, table)
            check_posteriors(raw, table)
            check_images(raw, table)
            check_queries(raw, lambda *args: rows(bitsink, db, "query", *args))
            check_sinks(raw, table)
            check_rerun(raw, table)
            check_severity(raw, table)
            check_failure_rates(raw, table)
        bn("update")
        check_rankings(db)
        check()
        groups, costs, weights, priors = (os.path.join(folder, n + ".csv") for n in ("groups", "costs", "weights", "priors"))
        with open(groups, "w") as f:
            f.write("class,group\nT-shirt,top\nPullover,top\nCoat,top\nShirt,top\n5,shoe\nSneaker,shoe\nAnkle boot,shoe\n")
        with open(costs, "w") as f:
            f.write("truth,answer,cost\ntop,shoe,5\nshoe,top,2.5\ntop,top,0.25\nBag,DUE,0.5\n")
        with open(weights, "w") as f:
            f.write("image,weight\n" + "".join(f"{i},{i % 5 + 0.5}\n" for i in range(30) if i != 11))
        with open(priors, "w") as f:
            f.write("entry,layer,raw_rate,residency,exposure\nflips,conv1_1,,,0.02\nflips,fc1,1e-4,0.5,\nflips,relu2_1,,,\n2,conv3_1.weight,,,\n5,conv1_2,,,0.01\n")
        bn("set", "p=0.3", "pseudo_count=2.5", "default_cost=1.5", "fit_target=2", "rerun_budget=0.3", "activation_duty=0.25")
        for what, path in (("groups", groups), ("costs", costs), ("weights", weights)):
            bn(what, path)
        check()
        bn("priors", priors)
        bn("set", "raw_fit=1e9")
        check()
        empty = [name for name, full in filled.items() if not full]
        assert not empty, f"no rows, and so nothing checked, of {empty}"


if __name__ == "__main__":
    main()
