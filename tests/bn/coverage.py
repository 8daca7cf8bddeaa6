"""coverage.py BITSINK [small|full]: do the intervals of the views cover what they claim? Campaigns of known truth are drawn,
put into a result file, and read through its views. Fails where a nominal 95 % interval, two-sided or one-sided, covers
less than 93 % of the campaigns (small: by more than three standard errors, as it draws fewer of them); one of another
confidence less than 2 % below it. The draws are the same in every run. "exact": nothing is drawn, every campaign that can
come is there with its probability. Words after the size: only these cases."""
import os
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from skips import require

(np,) = require("numpy")
from coverage_accuracy import operations
from coverage_answers import answers, pseudo
from coverage_finite import finite, interrupted, rare
from simulated import ENDLESS, File, make, outcomes

STRATA = 19  # of a sum, as VGG-19 has


class Table:
    """Prints a line for each kind of interval, and remembers the bad ones."""
    def __init__(self, small):
        self.small, self.bad, self.lines = small, [], 0
        print(f"{'case':44} {'interval':26} {'campaigns':>9} {'truth':>9} {'covered':>8} {'above':>6} {'below':>6} {'width':>9}")

    def line(self, case, what, truth, low, high, nominal, share=None):
        """share: how often each row comes, where all that can come are there: nothing was drawn then. Of one side: width is
        how far the bound is beyond the truth."""
        truth = np.broadcast_to(truth, low.shape)
        assert len(low) and not np.isnan(low).any() and not np.isnan(high).any(), f"{case}, {what}: no interval"
        slack = 1e-12 * np.abs(truth)
        above, below = (np.average(x, weights=share) for x in (truth > high + slack, truth < low - slack))
        covered = 1 - above - below
        width = high - low if np.isfinite(high - low).all() else np.where(np.isinf(low), high - truth, truth - low)
        least = nominal - 0.02
        if self.small and share is None:
            least -= 3 * np.sqrt(least * (1 - least) / len(low))
        fails = covered < least
        self.lines += 1
        print(f"{case:44} {what:26} {'exact' if share is not None else len(low):>9} {truth.mean():9.3g} {covered:8.4f} {above:6.4f} {below:6.4f} "
              f"{np.median(width):9.3g}{'  LOW' if fails else ''}", flush=True)
        if fails:
            self.bad.append(f"{case}: {what} covers {covered:.4f}")

    def score(self, case, what, truth, rows, nominal=0.95, share=None):
        """rows: low, high and, if the view has them, upper and lower."""
        self.line(case, what, truth, rows[:, 0], rows[:, 1], nominal, share)
        if rows.shape[1] > 2:
            self.line(case, what + " upper", truth, np.full(len(rows), -np.inf), rows[:, 2], nominal, share)
        if rows.shape[1] > 3:
            self.line(case, what + " lower", truth, rows[:, 3], np.full(len(rows), np.inf), nominal, share)

    def layers(self, case, f, entry, truths, nominal=0.95, columns=slice(0, 4)):
        for outcome, truth in truths.items():
            self.score(case, outcome, truth, outcomes(f)[f"{entry} {outcome}"][:, columns], nominal)


def mixture(rng, kind, shape):
    """Harm of faults, P(SDC-1 on an image): most do nothing, few are catastrophic. And its mean."""
    u = rng.random(shape)
    if kind == "2 % catastrophic":
        return np.where(u < 0.02, rng.beta(40, 8, shape), np.where(u < 0.2, rng.beta(1, 99, shape), 0)), 0.02 * 40 / 48 + 0.18 * 0.01
    return np.where(u < 0.01, 0.9, np.where(u < 0.6, rng.beta(1, 199, shape), 0)), 0.009 + 0.59 * 0.005


def parameters(f, table, n):
    f.clear()
    f.images(np.arange(40) % 10)
    cases = [(kind, k) for kind in ("2 % catastrophic", "59 % of 0.5 %") for k in (5, 20, 100, 400)]
    truth = []
    for e, (kind, k) in enumerate(cases):
        some = n // 2 if table.small and k >= 100 else n
        p, mean = mixture(f.rng, kind, (some, k))
        truth.append(mean)
        f.faults(e, np.arange(some), *f.hits(p))
    f.finish()
    for e, (kind, k) in enumerate(cases):
        case = f"weights, {kind}, {k} faults"
        table.layers(case, f, e, {"sdc1": truth[e], "accuracy": 1 - truth[e]})
    f.clear()
    f.images(np.arange(40) % 10)
    f.faults(0, np.arange(n), *f.hits(mixture(f.rng, "2 % catastrophic", (n, 20))[0]))
    f.finish()
    rows = f.table("layer_accuracy", "entry", "sdc1_low, sdc1_high, sdc1_upper, accuracy_low, accuracy_high")["0"]
    table.score("weights, 2 % catastrophic, 20 faults", "layer_accuracy sdc1", truth[0], rows[:, :3])
    table.score("weights, 2 % catastrophic, 20 faults", "layer_accuracy accuracy", 1 - truth[0], rows[:, 3:])


def activations(f, table, n):
    f.clear()
    f.images([3])
    cases = [(r, trials) for r in (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.99, 0.999) for trials in (50, 500, 5000)]
    def parts(r):
        due = min(r, (1 - r) / 2)
        return due, 0.9 * (1 - r - due)
    for e, (r, trials) in enumerate(cases):
        f.shares(e, np.arange(n), trials, r, parts(r)[0], 0.9)
    f.finish()
    for e, (r, trials) in enumerate(cases):
        due, masked = parts(r)
        table.layers(f"activations, SDC-1 {r:g}, {trials} trials", f, e,
                     {"sdc1": r, "due": due, "masked": masked, "accuracy": 1 - r - due, "sdc1_or_due": r + due})
    f.clear()
    f.images([3])
    for e, (r, trials) in enumerate(((0.1, 500), (1e-3, 5000))):
        f.shares(e, np.arange(n), trials, r)
    f.faults(2, np.arange(n), *f.hits((f.rng.random((n, 100)) < 0.05) * 1.0))
    f.finish()
    for confidence in (0.8, 0.99):
        f.set(confidence=confidence)
        for e, (truth, what) in enumerate(((0.1, "500 trials"), (1e-3, "5000 trials"), (0.05, "100 faults"))):
            table.layers(f"confidence {confidence}, SDC-1 {truth:g}, {what}", f, e, {"sdc1": truth}, confidence)


def drops(f, table, n):
    """accuracy_drop: golden right on three images and wrong on one, where a wrong answer can only be right."""
    f.clear()
    f.images([0, 1, 2, 3], [0, 1, 2, 4])
    cases = [(loss, gain, each) for loss, gain in ((1e-3, 0.0), (0.02, 0.005), (0.2, 0.3), (0.01, 0.2)) for each in (10, 100, 1000)]
    for e, (loss, gain, each) in enumerate(cases):
        f.shares(e, np.arange(n), each, np.array([loss, loss, loss, gain]))
    kinds = [(loss, gain, k) for loss, gain in ((0.02, 0.005), (0.1, 0.3)) for k in (20, 100)]
    for e, (loss, gain, k) in enumerate(kinds, 100):
        scale = np.array([loss, loss, loss, gain]) / 0.2  # a fifth of the faults does something
        y = (f.rng.random((n, k, 1)) < 0.2) & (f.rng.random((n, k, 4)) < scale)
        f.faults(e, np.arange(n), y.sum(2), y.sum(1))
    f.finish()
    for e, (loss, gain, each) in enumerate(cases):
        table.layers(f"activations, loss {loss:g}, gain {gain:g}, {4 * each}", f, e, {"accuracy_drop": 0.75 * loss - 0.25 * gain})
    for e, (loss, gain, k) in enumerate(kinds, 100):
        table.layers(f"weights, loss {loss:g}, gain {gain:g}, {k} faults", f, e, {"accuracy_drop": 0.75 * loss - 0.25 * gain})


RATES = {"one bad layer": np.where(np.arange(STRATA) == 7, 0.02, 1e-4), "all 1e-3": np.full(STRATA, 1e-3),
         "1e-4 to 0.5": np.geomspace(1e-4, 0.5, STRATA)}
BITS = np.array([1728, 36864, 73728, 147456, 294912, 589824, 589824, 589824, 1179648, 2359296, 2359296, 2359296, 2359296, 2359296,
                 2359296, 2359296, 102760448, 16777216, 4096000]) * 32  # weights of VGG-19


def sums(f, table, n):
    """Every entry is a campaign of 19 strata."""
    kinds = {"activations": (20, 500), "weights": (20, 100), "both": (20, 100)}
    cases = [(kind, name, count) for kind in kinds for name in RATES for count in kinds[kind]]
    n = min(n // 2, 4000)  # the views of a network are slow for so many campaigns in a file, bn_trust most of all
    if table.small:
        cases = [("activations", "one bad layer", 20), ("weights", "1e-4 to 0.5", 20), ("both", "all 1e-3", 100)]
    for kind, name, count in cases:
        f.clear()
        f.images([0, 1])  # a wrong answer on the one is the golden answer of the other
        f.set(p=1)
        trust = not table.small or kind == "weights"
        some = n // 2 if trust else n
        draw_network(f, kind, RATES[name], count, some)
        f.finish()
        check_sums(f, table, f"19 layers, {kind}, {name}, {count}", RATES[name], some, trust)
    lucky_target(f, table, n)
    for confidence in (0.8, 0.99):
        f.set(confidence=confidence)
        check_network(f, table, f"19 layers, 5 faulty weights, confidence {confidence}", RATES["1e-4 to 0.5"], confidence)


def lucky_target(f, table, n):
    """Five faults a layer: a target just below the true rate is not met, but for the share of lucky campaigns that the
    confidence allows."""
    f.clear()
    f.images([0, 1])
    rates = RATES["1e-4 to 0.5"]
    draw_network(f, "weights", rates, 5, n)
    f.finish()
    f.set(fit_target=float(0.999 * (f.read("SELECT raw_rate * 1e9 FROM bn_setting")[0, 0] * BITS * rates).sum()))
    met = f.read("SELECT target = 'met' FROM failure_rate WHERE level = 'all' AND scope >= 0")[:, 0]
    print(f"19 layers, 5 faulty weights of each: {met.mean():.4f} meet a target below the true rate")
    if met.mean() > 0.035:
        table.bad.append(f"target met by luck by {met.mean():.4f}")


def draw_network(f, kind, rates, count, n):
    entry, layer = np.repeat(np.arange(n), STRATA), np.tile(np.arange(STRATA), n)
    weight = {"activations": layer < 0, "weights": layer >= 0, "both": layer % 2 == 1}[kind]
    both = np.array([0, 1])
    if weight.any():  # nine of ten harmful faults hit an image
        by_fault, by_image = f.hits(np.where(f.rng.random((weight.sum(), count)) < rates[layer[weight], None] / 0.9, 0.9, 0.0))
        f.add(entry[weight], layer[weight], [(both, count - by_image, 0), (1 - both, by_image, 0)], 1, BITS[layer[weight]], by_fault)
    if not weight.all():
        rest = ~weight
        wrong = f.rng.binomial(count // 2, rates[layer[rest], None], (rest.sum(), 2))
        f.add(entry[rest], layer[rest], [(both, count // 2 - wrong, 0), (1 - both, wrong, 0)], 0, BITS[layer[rest]])


def check_network(f, table, case, rates, nominal=0.95):
    got = f.table("network_sdc", "weights", "sdc1_low, sdc1_high, sdc1_upper", order="entry")
    for weights, w in (("bits", BITS / BITS.sum()), ("uniform", np.full(STRATA, 1 / STRATA))):
        table.score(case, "network_sdc " + weights, (w * rates).sum(), got[weights], nominal)


def check_sums(f, table, case, rates, n, trust):
    check_network(f, table, case, rates)
    fit = f.read("SELECT raw_rate * 1e9 FROM bn_setting")[0, 0] * BITS * rates
    got = f.table("failure_rate", "level || ' ' || kind", "sdc_fit_low, sdc_fit_high, sdc_fit_upper, target IS 'met'", "level <> 'layer'",
                  order="scope")
    for place, rows in got.items():
        odd = {"kind parameters": 1, "kind activations": 0}.get(place) if "both" in case else None
        table.score(case, f"failure_rate {place}", (fit if odd is None else fit[odd::2]).sum(), rows[:, :3])
    rows = f.table("bn_class", "class", "low, high", "class = 0", order="scope")["0"]
    assert len(rows) == n
    table.score(case, "bn_class", 0.5, rows)
    if trust:
        rows = f.table("bn_trust", "class", "trust_golden_low, trust_golden_high", "class = 0", order="scope")["0"]
        table.score(case, "bn_trust golden, p = 1", 1 - rates.mean(), rows)


def severity(f, table, n):
    """Costs 1, 10 and 100, the dearest rare; the classes of a group each."""
    f.clear()
    f.images([0])
    f.insert("class_group", np.arange(4), list("abcd"))
    f.insert("group_cost", ["a"] * 3, list("bcd"), [1.0, 10.0, 100.0])
    shares = {"rare 100": [0.02, 0.002, 0.0002], "no 100": [0.02, 0.002, 0.0], "frequent": [0.3, 0.2, 0.1], "mostly 100": [0.05, 0.05, 0.85]}
    cases = [(name, trials) for name in shares for trials in (50, 500, 5000)]
    for e, (name, trials) in enumerate(cases):
        p = shares[name]
        k = f.rng.multinomial(trials, [1 - sum(p), *p], n)
        f.add(e, np.arange(n), [(np.array([c]), k[:, c:c + 1], 0) for c in range(4)])
    kinds = [(name, k) for name in ("rare 100", "no 100", "frequent") for k in (20, 100)]
    for e, (name, k) in enumerate(kinds, 100):  # a fault answers the same class nine times in ten
        p = np.array(shares[name]) / 0.9
        image = np.zeros((n, 4), int)
        fault = f.rng.multinomial(1, [1 - p.sum(), *p], (n, k)).argmax(2)
        hit = f.rng.random((n, k)) < 0.9
        for c in range(1, 4):
            image[:, c] = ((fault == c) & hit).sum(1)
        image[:, 0] = k - image.sum(1)
        f.add(e, np.arange(n), [(np.array([c]), image[:, c:c + 1], 0) for c in range(4)], 1, ENDLESS, ((fault > 0) & hit).astype(int))
    f.finish()
    for kind, start, some in (("trials", 0, cases), ("faults", 100, kinds)):
        for e, (name, count) in enumerate(some, start):
            truth = np.dot(shares[name], [1, 10, 100])
            rows = f.table("severity", "entry", "low, high, upper", "correct = 'golden'")[str(e)]
            table.score(f"severity, {name}, {count} {kind}", "severity", truth, rows)


def severity_weighted(f, table, n):
    """One of 40 images weighs as much as 20 others, and only it fails."""
    f.clear()
    weight = np.where(np.arange(40) == 9, 20.0, 1.0)
    f.images(np.zeros(40, int), weight=weight)
    f.insert("class_group", np.arange(2), list("ab"))
    f.insert("group_cost", ["a"], ["b"], [10.0])
    for e, each in enumerate((10, 50)):
        f.shares(e, np.arange(n), each, 0.1 * (weight > 1))
    f.finish()
    for e, each in enumerate((10, 50)):
        rows = f.table("severity", "entry", "low, high, upper", "correct = 'golden'")[str(e)]
        table.score(f"severity, heavy image fails, {40 * each} trials", "severity", 10 * 0.1 * 20 / weight.sum(), rows)


def weighted(f, table, n):
    f.clear()
    weight = f.rng.permutation(np.linspace(1, 20, 40))
    f.images(np.arange(40) % 10, weight=weight)
    cases = [(name, each) for name in ("5 %", "heavy fail", "heavy fail rarely", "light fail") for each in (2, 10, 50)]
    rates = {"5 %": f.rng.beta(1, 19, 40), "heavy fail": np.where(weight > 15, 0.3, 0.01),
             "heavy fail rarely": np.where(weight > 15, 0.05, 0.0),
             "light fail": np.where(weight < 5, 0.5, 0.01)}
    for e, (name, each) in enumerate(cases):
        f.shares(e, np.arange(n), each, rates[name])
    f.finish()
    for e, (name, each) in enumerate(cases):
        truth = (weight * rates[name]).sum() / weight.sum()
        table.layers(f"weights of images 1 to 20, {name}, {40 * each}", f, e, {"sdc1": truth, "accuracy": 1 - truth})
    f.clear()
    weight = np.array([1.0, 1, 1, 1, 20])
    f.images(np.arange(5), weight=weight)
    rates = np.array([0.1, 0.1, 0.1, 0.1, 0.02])
    for e, each in enumerate((20, 100, 1000)):
        f.shares(e, np.arange(n), each, rates)
        f.shares(10 + e, np.arange(n), each, 0.02 * (weight > 1))
    f.finish()
    for e, each in enumerate((20, 100, 1000)):
        table.layers(f"one image of 5 weighs 20, {5 * each}", f, e, {"sdc1": (weight * rates).sum() / weight.sum()})
        table.layers(f"one image of 5 weighs 20, only it fails, {5 * each}", f, 10 + e, {"sdc1": 0.02 * 20 / weight.sum()})
    f.clear()
    weight = np.where(np.arange(40) == 9, 20.0, 1.0)
    f.images(np.arange(40) % 10, weight=weight)
    for e, each in enumerate((10, 50)):
        f.shares(e, np.arange(n), each, 0.1 * (weight > 1))
    f.finish()
    for e, each in enumerate((10, 50)):
        table.layers(f"one image of 40 weighs 20, only it fails, {40 * each}", f, e, {"sdc1": 0.1 * 20 / weight.sum()})


def population(f, table, n):
    """Images, and for parameters faults, too, as samples of what there is: the images of each stratum are its own."""
    for count in (10, 40, 200):
        f.clear()
        f.images(np.arange(count) % 10)
        cases = ((0.01, 1), (0.01, 20), (0.1, 1))
        some = n if count < 200 else n // 4
        for e, (mean, c) in enumerate(cases):
            f.shares(e, np.arange(some), 50, f.rng.beta(mean * c, (1 - mean) * c, (some, count)))
        f.finish()
        for e, (mean, c) in enumerate(cases):
            table.layers(f"population: {count} images, beta({mean * c:g}, {(1 - mean) * c:g})", f, e, {"sdc1": mean},
                         columns=slice(4, 6))
    f.clear()
    f.images(np.arange(40) % 10)
    def both(fault, image):
        return np.clip(fault * image, 0, 1)
    truth = both(f.rng.beta(0.1, 1, 10 ** 6), f.rng.gamma(2, 0.5, 10 ** 6)).mean()
    for e, k in enumerate((5, 20, 100)):
        by_fault, by_image = np.zeros((n, k), int), np.zeros((n, 40), int)
        for s in range(0, n, 256):
            part = min(256, n - s)
            y = f.rng.random((part, k, 40)) < both(f.rng.beta(0.1, 1, (part, k, 1)), f.rng.gamma(2, 0.5, (part, 1, 40)))
            by_fault[s:s + part], by_image[s:s + part] = y.sum(2), y.sum(1)
        f.faults(e, np.arange(n), by_fault, by_image)
    f.finish()
    for e, k in enumerate((5, 20, 100)):
        table.layers(f"population: 40 images x {k} faults", f, e, {"sdc1": truth}, columns=slice(4, 6))


def rerun(f, table, n):
    """The share of silent corruptions caught: four layers, classes 1 and 2 the wrong answers."""
    images = 12
    assert {(i * 2654435761 >> 16) & 1 for i in range(images)} == {0, 1}
    mixed = np.array([[0.02, 0.01], [0.001, 0.002], [0.1, 0.02], [0.005, 0.005]])  # class 1, class 2 by layer
    heavy = np.array([[0, 0.1], [0, 0.1], [0.002, 0], [0, 0.1]])  # few of the class that is caught weigh most
    cases = [("mixed", mixed, [4, 8, 1, 2], each) for each in (20, 200)]
    cases += [("few heavy ones", heavy, [1, 1, 60, 1], each) for each in (20, 200, 1000)]
    for name, p, bits, each in cases:
        f.clear()
        f.images(np.full(images, 0), weight=np.linspace(1, 4, images))
        f.set(layer_prior="bits")
        entry, layer = np.repeat(np.arange(n), 4), np.tile(np.arange(4), n)
        k = np.stack([f.rng.multinomial(each, [1 - q.sum(), *q], (n, images)) for q in p], 1).reshape(4 * n, images, 3)
        f.add(entry, layer, [(np.full(images, c), k[:, :, c], 0) for c in range(3)], 0, np.array(bits)[layer] * 10 ** 6)
        f.finish()
        flow = np.array(bits) / sum(bits) @ p
        rows = f.read("SELECT class, caught_low, caught_high, caught_lower FROM rerun_curve WHERE size = 1 ORDER BY scope")
        rows = rows[~np.isnan(rows[:, 1])]
        truth = flow[rows[:, 0].astype(int) - 1] / flow.sum()
        table.score(f"run again, {name}, {each} trials an image", "caught", truth, rows[:, 1:3])
        table.score(f"run again, {name}, {each} trials an image", "caught lower", truth, np.stack([rows[:, 3], np.ones(len(rows))], 1))


def main():
    bitsink, size = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "small"
    n = {"small": 2000, "full": 10000}[size]
    only = sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        f = File(make(bitsink, folder))
        table = Table(size == "small")
        for seed, case in enumerate((parameters, activations, drops, sums, severity, severity_weighted, finite, weighted, population, rerun,
                                     rare, interrupted, pseudo, answers, operations)):
            if not only or case.__name__ in only:
                f.rng = np.random.default_rng(seed)
                case(f, table, n)
        f.db.close()
    if table.bad:
        sys.exit("too low:\n  " + "\n  ".join(table.bad))
    print(f"{table.lines} intervals cover what they claim")


if __name__ == "__main__":
    main()
