#!/usr/bin/env python3
"""Compares what two devices say: the logits of the same images, or the trials of the same campaign.

    compare.py logits A B IMAGES    two files of `bitsink classify --logits`
    compare.py results A.db B.db    two result files of one job

Two devices round differently. A different answer is excused where the best two scores are as good as equal, or beyond
1e30, where the order of a sum decides what becomes Inf and what NaN; each one is listed. Standard library only. The
last line, "figure: ...", is the result in short. Exit code 1: something differs that is not excused."""
import argparse
import array
import math
import sqlite3
import sys

CLOSE = 1e-3     # logits, relative to the image's largest one
MARGIN = 1e-3    # between the best two scores, relative to the best
OVERFLOW = 1e30
SHOWN = 20

PAIRS = """
WITH pair AS (
    SELECT a.id, a.entry, l.name, a.image, a.died_at AS died_a, b.died_at AS died_b,
           iif(a.died_at IS NULL, a.top1, ga.top1) AS top_a, iif(b.died_at IS NULL, b.top1, gb.top1) AS top_b,
           iif(a.died_at IS NULL, a.score1, ga.score1) AS best_a, iif(b.died_at IS NULL, b.score1, gb.score1) AS best_b,
           iif(a.died_at IS NULL, a.score2, ga.score2) AS next_a, iif(b.died_at IS NULL, b.score2, gb.score2) AS next_b,
           iif(a.died_at IS NULL, a.flags, ga.flags) & 3 AS due_a, iif(b.died_at IS NULL, b.flags, gb.flags) & 3 AS due_b,
           a.element = b.element AND a.bit IS b.bit AND a.toggle IS b.toggle AND a.n_sites = b.n_sites
               OR a.n_sites = 0 AND b.n_sites = 0 AS same_site
      FROM main.trial a JOIN other.trial b ON b.id = a.id JOIN main.layer l ON l.id = a.layer
      JOIN main.golden ga ON ga.image = a.image JOIN other.golden gb ON gb.image = b.image)
"""


def margin(best, second):
    """None: there are no two scores to compare."""
    if best is None or second is None or not math.isfinite(best):
        return None
    return (best - second) / (abs(best) or 1)


def excuse(row):
    scores = [s for s in (row["best_a"], row["best_b"]) if s is not None]
    if row["due_a"] or row["due_b"] or any(abs(s) > OVERFLOW for s in scores):
        return "overflow"
    margins = [m for m in (margin(row["best_a"], row["next_a"]), margin(row["best_b"], row["next_b"])) if m is not None]
    return "margin" if margins and min(margins) <= MARGIN else None


def compare_results(one, two):
    db = sqlite3.connect(one)
    db.row_factory = sqlite3.Row
    db.execute("ATTACH ? AS other", (two,))
    counts = [db.execute(f"SELECT count(*) FROM {s}.trial").fetchone()[0] for s in ("main", "other")]
    total, equal, masked, due, sites = db.execute(PAIRS + """
        SELECT count(*), sum(top_a IS top_b AND (due_a = 0) = (due_b = 0)), sum((died_a IS NULL) = (died_b IS NULL)),
               sum((due_a = 0) = (due_b = 0)), sum(same_site) FROM pair""").fetchone()
    if not total or counts != [total, total]:
        print(f"trials: {counts[0]} and {counts[1]}, {total} in common")
        return 1
    rows = db.execute(PAIRS + """
        SELECT * FROM pair WHERE top_a IS NOT top_b OR (due_a = 0) <> (due_b = 0) ORDER BY id""").fetchall()
    reasons = [excuse(row) for row in rows]
    for row, reason in list(zip(rows, reasons))[:SHOWN]:
        print(f"trial {row['id']} (entry {row['entry']}, {row['name']}, image {row['image']}): class {row['top_a']} "
              f"({row['best_a']}, next {row['next_a']}) and {row['top_b']} ({row['best_b']}, next {row['next_b']}): "
              f"{reason or 'UNEXPLAINED'}")
    if len(rows) > SHOWN:
        print(f"... and {len(rows) - SHOWN} more")
    for name, path in (("A", "main"), ("B", "other")):
        for run in db.execute(f"SELECT device, isa, library, mode, selftest FROM {path}.run"):
            print(f"{name}: {', '.join(map(str, run))}")
    unexplained = reasons.count(None)
    print(f"{total} trials: same sites {sites}, same answer {equal}, masked in both or neither {masked}, DUE in both "
          f"or neither {due}; of {len(rows)} differences: margin {reasons.count('margin')}, overflow "
          f"{reasons.count('overflow')}, unexplained {unexplained}")
    print(f"figure: {100 * equal / total:.3f} % of {total} trials with the same answer, {unexplained} unexplained")
    return int(sites != total or unexplained > 0)


def read_floats(path):
    values = array.array("f")
    with open(path, "rb") as f:
        values.frombytes(f.read())
    return values


def compare_logits(one, two, images):
    a, b = read_floats(one), read_floats(two)
    if len(a) != len(b) or not a or len(a) % images:
        print(f"{len(a)} and {len(b)} values for {images} images")
        return 1
    classes, worst, same, excused = len(a) // images, 0.0, 0, 0
    for i in range(images):
        x, y = a[i * classes:(i + 1) * classes], b[i * classes:(i + 1) * classes]
        scale = max(map(abs, x)) or 1
        deviation = max(abs(p - q) for p, q in zip(x, y)) / scale
        worst = max(worst, deviation if math.isfinite(deviation) else math.inf)
        same += x.index(max(x)) == y.index(max(y))
        excused += x.index(max(x)) != y.index(max(y)) and abs(x[y.index(max(y))] - max(x)) <= MARGIN * scale
    print(f"figure: largest difference {worst:.1e} of the largest logit, same top-1 {same} of {images}")
    return int(worst > CLOSE or same + excused < images)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_subparsers(dest="what", required=True)
    logits = what.add_parser("logits")
    results = what.add_parser("results")
    for p in (logits, results):
        p.add_argument("one")
        p.add_argument("two")
    logits.add_argument("images", type=int)
    args = parser.parse_args()
    if args.what == "logits":
        return compare_logits(args.one, args.two, args.images)
    return compare_results(args.one, args.two)


if __name__ == "__main__":
    sys.exit(main())
