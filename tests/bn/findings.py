"""The sentences at the top of the report, checked against the tables that they speak of. Used by pages.py."""
import functools
import math
import os
import re
import sqlite3
import subprocess
from html import unescape

import raw

HERE = os.path.dirname(os.path.abspath(__file__))
TITLES = ["What the faults did", "Where they do harm", "Which bits", "Where wrong answers go", "What the answers are worth"]
rows = functools.lru_cache(raw.rows)  # no file that is asked here changes


def rounded(x, low, high, most, end=math.inf, near=4):
    """As report/shown.h says: two significant digits of the interval; what only looks like 0 or `end` shows that it is not."""
    width = high - low if None not in (low, high) else 0
    if width > 0:
        d = max(0, min(most, 1 - math.floor(math.log10(width))))
        text = f"{x:.{d}f}"
    else:
        d, text = None, f"{x:.3g}"
    if x > 0 and float(text) <= 0:
        text = f"{x:.1g}"
    elif x < end <= float(text) and -math.log10(end - x) <= near:
        text = f"{x:.{math.ceil(-math.log10(end - x))}f}"
    elif d is None and 1000 <= x < 1e15:
        text = f"{x:.0f}"
    if float(text) == 0:
        text = text.lstrip("-")
    whole = re.match("-?([0-9]+)", text)
    return text.replace(whole[1], f"{int(whole[1]):,}", 1) if "e" not in text else text


def percent(x, low, high):
    scaled = [None if v is None else 100 * v for v in (low, high)]
    return rounded(100 * x, *scaled, 4, 100) + " %"


def interval(low, high, most=12, end=math.inf):
    return f"{rounded(0 if 0 < low < 10 ** -most else low, low, high, most, end, 12)} to {rounded(high, low, high, most)}"


def percents(low, high):
    return interval(100 * low, 100 * high, 4, 100) + " %"


def rate(x, low, high):
    return f"exactly {percent(x, low, high)}" if low is None else f"{percent(x, low, high)} ({percents(low, high)})"


def sentences(folder):
    """What stands before the sentences, and each of them: the text before its parts, and these."""
    with open(os.path.join(folder, "report.html"), encoding="utf-8") as f:
        text = f.read()
    before, inside = re.search(r"<h1>(.*?)<ol class=findings>\n(.*?)</ol>", text, re.S).groups()
    found = []
    for title, said in re.findall(r"<li><b>([^<]*)\.</b> (.*?)</li>\n(?=<li><b>[^<]*\.</b>|$)", inside, re.S):
        assert title == TITLES[len(found)], title
        plain = [unescape(re.sub("<[^>]*>", "", part)).replace("\xa0", " ").strip() for part in re.split("<li>", said)]
        found.append((plain[0], plain[1:] or plain[:1]))
    assert len(found) == len(TITLES), inside
    return before, found


def begins(parts, what):
    found = [p for p in parts if p.startswith(what)]
    assert len(found) == 1, (what, parts)
    return found[0]


def check_outcome(bitsink, db, said):
    lead, parts = said
    of = {(r["entry"], r["outcome"]): r for r in rows(bitsink, db, "network_outcome") if r["weights"] == "bits"}
    trials, seen = 0, 0
    for e in rows(bitsink, db, "entry"):
        layers = [r for r in rows(bitsink, db, "layer_accuracy") if r["entry"] == e["id"]]
        n = sum(r["trials"] for r in layers)
        trials += n
        part = next((p for p in parts if p.startswith(f"{e['name']} (")), "")
        if part and (e["id"], "sdc1") in of:
            s, d, f = (of[e["id"], o] for o in ("sdc1", "due", "sdc1_or_due"))
            kept = None if f["low"] is None else 1 - f["high"], None if f["low"] is None else 1 - f["low"]
            assert (f"the answer stayed in {rate(1 - f['rate'], *kept)}, changed silently in {rate(s['rate'], s['low'], s['high'])}, and was "
                    f"NaN or infinity in {rate(d['rate'], d['low'], d['high'])}, if upsets hit all bits alike") in part, part
            faults = sum(r["units"] for r in layers if r["unit"] == "fault")
            assert (f"count its {faults:,} parameter faults, not its {n:,} trials" if faults else f"from {n:,} trials") in part, part
            seen += 1
        elif part and e["ber"] > 0 and e["scope"] == "target" and len(layers) > 1:
            wrong = sum(round(r["sdc1_rate"] * r["trials"]) for r in layers)
            assert f"in {n:,} trials, {wrong:,} answers changed silently" in part and "not rates of one fault" in part, part
            seen += 1
    assert lead.startswith(f"{trials:,} inferences with injected faults, on "), lead
    return seen


def check_layers(bitsink, db, said, names):
    for name, entry in names.items():
        layers = [r for r in rows(bitsink, db, "layer_accuracy") if r["entry"] == entry]
        part = begins(said[1], f"{name}: ")
        top = max(layers, key=lambda r: round(r["sdc1_rate"], 12))
        if top["sdc1_rate"] == 0:
            assert f"none of the {len(layers)} layers changed an answer" in part, part
            continue
        low = top["sdc1_rate"] if top["sdc1_low"] is None else top["sdc1_low"]
        near = [r for r in layers if r is not top and (r["sdc1_rate"] if r["sdc1_high"] is None else r["sdc1_high"]) >= low]
        assert f"{top['layer_name']} changes the answer" in part and rate(top["sdc1_rate"], top["sdc1_low"], top["sdc1_high"]) in part, part
        if len(layers) > 1:
            want = f"not tell it from any of the {len(near)} others" if len(near) == len(layers) - 1 > 1 else \
                f"not tell it from {len(near)} of the" if near else f"lies above those of all {len(layers) - 1} others"
            assert want in part, (want, part)


def check_bits(bitsink, db, said, name, entry):
    """The rates of sign, exponent and mantissa, from the counts by bit: Fay and Feuer's sum over layers."""
    bits = {r["layer"]: r["bits"] for r in rows(bitsink, db, "bn_layer") if r["entry"] == entry}
    part = begins(said[1], f"{name}: ")
    for field, last, first in ("sign", 31, 31), ("exponent", 23, 30), ("mantissa", 0, 22):
        cells = {}
        for r in rows(bitsink, db, "bit_accuracy"):
            if r["entry"] == entry and last <= r["bit"] <= first:
                k, n, units = cells.get(r["layer"], (0, 0, 0))
                cells[r["layer"]] = k + r["sdc1_rate"] * r["trials"], n + r["trials"], units + r["units"]
        whole = sum(bits[t] for t in cells)
        value, low, high = raw.sum_bounds([(bits[t] / whole, k / n, units) for t, (k, n, units) in cells.items()])
        assert f"{field} {rate(value, low, high)}" in part, (field, value, low, high, part)


def low(right, n, classes):
    """Whether so few right answers would be rare (5 %) for a network half-way between guessing and always being right."""
    share = (1 + 1 / classes) / 2
    return sum(math.comb(n, k) * share ** k * (1 - share) ** (n - k) for k in range(right + 1)) < 0.05


def check_worth(bitsink, db, said):
    golden = rows(bitsink, db, "golden")
    label = {r["id"]: r["class"] for r in rows(bitsink, db, "image")}
    right = sum(g["class"] == label[g["image"]] for g in golden)
    part = begins(said[1], "Without faults")
    assert f"answers {right:,} of {len(golden):,} labelled images correctly" in part and ("WARNING" in part) == low(right, len(golden), len(rows(bitsink, db, "class"))), part
    for r in [r for r in rows(bitsink, db, "failure_rate") if r["level"] == "all"][:3]:
        text = rounded(r["sdc_fit"], r["sdc_fit_low"], r["sdc_fit_high"], 12) + " FIT"
        assert any(p.startswith("Silent corruptions by") and text in p for p in said[1]), (text, said)
    assert f"What limits this: the {len(golden):,} images" in said[1][-1], said[1]


def report(bitsink, db, folder):
    subprocess.run([bitsink, "report", db, "-o", folder, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return sentences(folder)


def change(db, to, sql):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as old, sqlite3.connect(to) as new:
        old.backup(new)
        new.executescript(sql)


def check_demo(bitsink, folder):
    """The campaign of the demo, small; then the same without labels, and without trials."""
    db, page, other = (os.path.join(folder, n) for n in ("demo.db", "page", "other.db"))
    job = os.path.join(HERE, "../jobs/demo.yaml")
    subprocess.run([bitsink, "run", "--quiet", job, "--db", db, "--device", "cpu"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "BITSINK_IMAGES": "20", "BITSINK_TRIALS": "4"})
    before, found = report(bitsink, db, page)
    assert "null device" not in before
    assert check_outcome(bitsink, db, found[0]) == 3
    check_layers(bitsink, db, found[1], {"activation-flip": 1, "weight-flip": 2, "activation-ber": 3})
    check_bits(bitsink, db, found[2], "activation-flip", 1)
    check_bits(bitsink, db, found[2], "weight-flip", 2)
    sinks = [r for r in rows(bitsink, db, "sink_class") if r["level"] == "overall"]
    assert all(any(r["class_name"] in p and " draw" in p for p in found[3][1]) for r in sinks)
    assert sinks or "No class is shown to draw the wrong answers" in found[3][1][0], found[3]
    check_worth(bitsink, db, found[4])
    change(db, other, "UPDATE image SET label = NULL, class = NULL")
    found = report(bitsink, other, page)[1]
    assert any(p.startswith("No image has a label") for p in found[4][1]) and not any("trust least" in p for p in found[4][1]), found[4]
    os.remove(other)
    change(db, other, "".join(f"DELETE FROM {t};" for t in ("trial", "summary", "layer_summary", "fault_summary", "fault_wrong", "unit", "golden")))
    found = report(bitsink, other, page)[1]
    assert found[0][1] == ["The file has no trials yet, so nothing was found."], found[0]
    assert "11,000" not in str(found) and "%" not in str(found[:4]), found


def check_many(bitsink, db, folder):
    """A campaign of many entries that the null device made up, whose report is in `folder`."""
    before, found = sentences(folder)
    assert "The null device made up trials" in before
    n = len({r["entry"] for r in rows(bitsink, db, "layer_accuracy")})
    assert f"Of {n} entries, the two with most harm and the one with least:" in found[0][0], found[0]
    assert len(found[0][1]) == 3 and len(found[4][1]) > 2
    check_outcome(bitsink, db, found[0])
