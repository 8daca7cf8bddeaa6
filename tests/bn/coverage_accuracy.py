"""Case of coverage.py: accuracy by operation and at a probability of faults, where layers differ."""
import numpy as np

LAYERS = 5  # the last one has an operator of its own
LOSS = {"even": np.full(LAYERS, 0.02), "one bad layer": np.array([1e-3, 0.3, 1e-3, 0.0, 0.1])}


def operations(f, table, n):
    """Every entry is a campaign. Golden answers are right on three images, and wrong on one, where a wrong answer is right."""
    n = n // 8 if table.small else n // 2
    for name, kind, each in (("even", "activations", 25), ("one bad layer", "activations", 100), ("one bad layer", "weights", 40)):
        f.clear()
        f.images([0, 1, 2, 3], [0, 1, 2, 4])
        loss, gain = LOSS[name], LOSS[name] / 4
        entry, layer = np.repeat(np.arange(n), LAYERS), np.tile(np.arange(LAYERS), n)
        rate = np.stack([loss, loss, loss, gain], 1)[layer]
        if kind == "weights":  # four of five faults do nothing
            y = (f.rng.random((len(layer), each, 1)) < 0.2) & (f.rng.random((len(layer), each, 4)) < rate[:, None] / 0.2)
            wide = rate[:, None] / 0.2 > 1  # or all of them something
            y = np.where(wide, f.rng.random(y.shape) < rate[:, None], y)
            f.faults(entry, layer, y.sum(2), y.sum(1))
        else:
            f.shares(entry, layer, each, rate)
        f.db.execute("UPDATE layer SET op = iif(id = ?, 'Gemm', 'Conv')", (LAYERS - 1,))
        f.finish()
        score(f, table, f"{kind}, {name}, {each}", loss, gain)


def score(f, table, case, loss, gain):
    drop, wrong = 0.75 * loss - 0.25 * gain, 0.75 * loss + 0.25 * gain
    columns = "accuracy_low, accuracy_high, accuracy_drop_low, accuracy_drop_high, sdc1_low, sdc1_high"
    got = f.table("op_accuracy", "op", columns, "weights = 'uniform'", "entry")
    for op, some in (("Conv", slice(0, -1)), ("Gemm", slice(-1, None))):
        rows, lost = got[op], drop[some].mean()
        table.score(case, f"{op} accuracy", 0.75 - lost, rows[:, :2])
        table.score(case, f"{op} accuracy lost", lost, rows[:, 2:4])
        table.score(case, f"{op} sdc1", wrong[some].mean(), rows[:, 4:])
    curve = f.table("accuracy_curve", "p || ' ' || ifnull(layer, 'all')", "low, high", "p IN (0.0, 0.5)", "scope")
    for place, lost in (("all", drop.mean()), ("1", drop[1])):
        table.score(case, f"accuracy at 0.5, {place}", 0.75 - 0.5 * lost, curve[f"0.5 {place}"])
        assert np.allclose(curve[f"0.0 {place}"], 0.75, 1e-12)
