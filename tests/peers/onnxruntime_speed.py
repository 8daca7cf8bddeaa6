"""Measures bitsink against ONNX Runtime on the CPU: fault-free images per second of both, and trials per second against the
full re-runs that an injector without replay would have ONNX Runtime do.

    tests/peers/onnxruntime_speed.py build/bitsink [--networks NAME...] [--onnx FILE...] [--seconds S] [--random] [--json]

The networks are timm's, of random weights with a fixed seed, exported by PyTorch; nothing is downloaded. README.md says what
the figures mean. Needs the PyPI packages onnxruntime, numpy and pillow, and torch, timm and onnx unless there is nothing but
--onnx; exits with 77 if one is missing. The last line begins with "figure:"."""
import argparse
import json
import os
import pathlib
import platform
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "numerics"))

from common import best_rates, bitsink, bitsink_json, require

np, ort = require("numpy", "onnxruntime")

NETWORKS = ("vit_tiny_patch16_224", "deit_small_patch16_224", "swin_tiny_patch4_window7_224", "convnext_atto",
            "efficientnet_lite0", "mobilenetv2_100", "mobilenetv3_large_100", "regnety_016", "maxvit_rmlp_pico_rw_256")
COLUMNS = (("ort", "ORT img/s"), ("golden", "golden img/s"), ("golden_over_ort", "golden/ORT"), ("full", "full tr/s"),
           ("delta", "delta tr/s"), ("delta_over_full", "delta/full"), ("delta_over_ort", "delta/ORT"), ("targets", "targets"),
           ("trials", "trials"), ("golden_mb", "MB/image"))

# Fewer tell nothing of delta replay: a masked trial takes a thousandth of one that is not.
FEW_TARGETS, FEW_TRIALS = 8, 4


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def export(name, folder, random):
    """Writes a network of timm; its path."""
    torch, timm, _ = require("torch", "timm", "onnx")
    from torch_export import randomise, write_onnx
    torch.manual_seed(0)
    path = folder / f"{name}.onnx"
    with torch.no_grad():
        network = timm.create_model(name, pretrained=False).eval()
        side = network.default_cfg["input_size"][-1]
        if random:
            randomise(network, side)
        write_onnx(network, torch.rand(1, 3, side, side), path, "torchscript-17")
    return path


def open_session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def image_rate(session, seconds):
    """Images/s of ONNX Runtime, one at a time."""
    (image,) = session.get_inputs()
    shape = [d if isinstance(d, int) else 1 for d in image.shape]
    feed = {image.name: np.random.default_rng(1).random(shape, dtype=np.float32)}
    session.run(None, feed)
    begin, n = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        session.run(None, feed)
        n += 1
    return n / (time.perf_counter() - begin)


def measure(path, args, log):
    """The figures of a network. Half of the time goes to rounds of fault-free runs, half to trials."""
    def bench(seconds, *options):
        return bitsink_json(args.bitsink, "bench", path, "--device", "cpu", "--threads", args.threads, "--quiet", "--seconds",
                            max(1, round(seconds)), *options)[0]

    session = open_session(path, args.threads)
    part = args.seconds / (4 * args.rounds)
    best = best_rates(args.rounds, "images/s", {"ONNX Runtime": lambda: image_rate(session, part),
                                                "bitsink": lambda: bench(part, "--golden")["golden_per_second"]}, log)
    trials = bench(args.seconds / 2)
    golden, peer, delta = best["bitsink"], best["ONNX Runtime"], trials["delta_per_second"]
    ran = trials["ran"]
    return {"network": path.stem, "ort": peer, "golden": golden, "golden_over_ort": golden / peer,
            "full": trials["full_per_second"], "delta": delta, "delta_over_full": trials["delta_over_full"],
            "delta_over_ort": delta / peer, "masked": trials["masked"], "targets": f"{ran['timed_targets']}/{ran['all_targets']}",
            "trials": f"{ran['full_trials']}, {ran['trials']}", "golden_mb": trials["memory"]["golden_image"] / 1e6}


def enough(figures):
    """Whether trials are so many that chance is no longer most of it."""
    targets, of_targets = map(int, figures["targets"].split("/"))
    return targets >= min(FEW_TARGETS, of_targets) and int(figures["trials"].split()[-1]) >= FEW_TRIALS


def row(cells):
    return f"{cells[0]:<30}" + "".join(f" {cell:>12}" for cell in cells[1:])


def as_row(figures):
    cells = ["-" if "delta" in key and not enough(figures) else figures[key] for key, _ in COLUMNS]
    return row([figures["network"], *(c if isinstance(c, str) else f"{c:.2f}" if c < 10 else f"{c:.1f}" for c in cells)])


def describe(args, packages):
    initialised = "timm's, drawn anew where they are constant" if args.random else "timm's initialisation"
    versions = ", ".join(f"{module.__name__} {module.__version__}" for module in packages)
    return {"processor": processor(), "cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 2),
            "threads": args.threads, "versions": f"{bitsink(args.bitsink, '--version').strip()}, {versions}",
            "weights": initialised if args.networks else "of the files"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bitsink", type=pathlib.Path, help="the program")
    parser.add_argument("--networks", nargs="*", metavar="NAME", help="of timm (default, without --onnx: nine)")
    parser.add_argument("--onnx", nargs="+", type=pathlib.Path, default=[], metavar="FILE", help="networks to measure, too")
    parser.add_argument("--seconds", type=float, default=60, help="for each network (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of both")
    parser.add_argument("--random", action="store_true", help="draw anew what timm sets to the same number in a whole layer")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    args = parser.parse_args()
    if args.networks is None:
        args.networks = [] if args.onnx else list(NETWORKS)
    args.bitsink = args.bitsink.resolve()
    log = sys.stderr if args.json else sys.stdout
    machine = describe(args, [ort, *(require("torch", "timm") if args.networks else [])])
    print("\n".join(f"{key}: {value}" for key, value in machine.items()), file=log)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for network in [*args.networks, *args.onnx]:
            made = isinstance(network, str)
            path = export(network, pathlib.Path(folder), args.random) if made else network.resolve()
            print(path.stem, file=log, flush=True)
            figures.append(measure(path, args, log))
            if made:
                path.unlink()
    if args.json:
        print(json.dumps({**machine, "networks": figures}))
        return 0
    print("\n" + row(["network", *(title for _, title in COLUMNS)]))
    print("\n".join(map(as_row, figures)))
    print("figure: over ONNX Runtime: " + "; ".join(
        f"{f['network']} golden {f['golden_over_ort']:.2f} x" +
        (f", delta {f['delta_over_ort']:.1f} x" if enough(f) else ", too few trials") for f in figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
