"""A table of exported networks: does bitsink agree with ONNX Runtime, and does a small campaign replay exactly?

What architectures.py, micro_models.py and rewritten_models.py share. An export agrees if all logits lie within its bound,
relative to the image's largest logit, of ONNX Runtime's or of those in double precision; or if ONNX Runtime's are not
twice as near to the latter, since some deep networks amplify rounding. The campaign runs each of its trials again in full,
and must end without a difference. What is refused must be expected, with the words of the message.

With --keep, an export that the folder holds is not made again, so a run that was stopped goes on."""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import multiprocessing
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable

from common import ListedImages, Preprocess, require, write_job
from exports import check_logits, expected_logits, make_images

np, onnx, Image = require("numpy", "onnx", "PIL.Image")

IMAGES = 2
Row = collections.namedtuple("Row", "name exporter opset nodes deviation campaign verdict")


@dataclasses.dataclass
class Export:
    """make(folder) writes model.onnx; see work()."""

    name: str
    exporter: str
    make: Callable
    refused: str = ""  # a regular expression of the message, if bitsink lacks something
    bound: float = 1e-5
    reference: str = "model.onnx"  # what ONNX Runtime runs, another file that `make` writes


def images_of(folder):
    return sorted(folder.glob("*.png"))


def write_images(folder, side, seed):
    """Writes pictures for the test; all of them as one array (N, 3, side, side)."""
    return np.concatenate([Preprocess().tensor(Image.open(i)) for i in make_images(folder, side, IMAGES, seed)])


def made(export, folder, seed):
    """All or nothing: a folder that exists is complete."""
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        export.make(part, seed)
        part.rename(folder)
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    return next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), len(model.graph.node)


def spread(items, count):
    """At most `count` of them, evenly spread from first to last."""
    return [items[i] for i in sorted({round(k) for k in np.linspace(0, len(items) - 1, min(count, len(items)))})]


def write_campaign(folder, targets):
    """A job of a few trials in a handful of activations and parameters."""
    ids = [t["id"] for kinds, count in ((("input", "activation"), 6), (("weight", "bias", "norm", "constant"), 4))
           for t in spread([t for t in targets if t["kind"] in kinds], count)]
    selectors = ", ".join(f"{{id: {i}}}" for i in ids)
    rows = [f"{i.name},0" for i in images_of(folder)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *rows, ""]))
    return write_job(folder / "campaign.yaml", folder / "model.onnx", ListedImages(folder / "labels.csv", 1), Preprocess(),
                     f"  - {{id: 1, targets: [{selectors}], fault: flip, bits: exponent}}\n")


def campaign(binary, folder):
    """"exact", or what is wrong."""
    for db in folder.glob("campaign.db*"):
        db.unlink()
    try:
        targets = output_of(binary, "inspect", folder / "model.onnx", "--json")
        job = write_campaign(folder, [json.loads(line) for line in targets.splitlines()])
        output_of(binary, "run", job, "--db", folder / "campaign.db", "--audit", "1", "--json")
    except subprocess.CalledProcessError as e:
        return f"DISAGREE: exit status {e.returncode} of {e.cmd[1]}: {e.stderr.strip()}"
    return "exact"


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def from_exact(folder, logits, reference):
    """(deviation of bitsink, of ONNX Runtime) from the logits in double precision, exact.npy."""
    exact = np.load(folder / "exact.npy")
    scale = np.abs(exact).max(axis=1, keepdims=True)
    found = np.fromfile(logits, dtype=np.float32).reshape(exact.shape)
    return [float((np.abs(x - exact) / scale).max()) for x in (found, reference)]


def check(binary, export, folder):
    """(deviation, campaign, verdict)"""
    model, logits = folder / "model.onnx", folder / "logits"
    reference = expected_logits(folder / export.reference, images_of(folder))
    deviation, verdict = check_logits(binary, model, images_of(folder), logits, lambda: reference, export.bound)
    word, _, message = verdict.partition(": ")
    if word == "unsupported":
        known = export.refused and re.search(export.refused, message)
        return "", "", f"{'refused, as expected' if known else 'REFUSED'}: {message}"
    if verdict == "DISAGREE" and (folder / "exact.npy").exists():
        ours, theirs = from_exact(folder, logits, reference)
        verdict = f"{'agree' if ours <= max(export.bound, 2 * theirs) else verdict}: " \
                  f"from double precision {ours:.1e}, ONNX Runtime {theirs:.1e}"
    return deviation, campaign(binary, folder), verdict


def work(binary, export, seed, keep):
    """The row of one export. Without `keep`, nothing is left."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(keep or temporary) / f"{export.name}-{export.exporter}"
        opset = nodes = ""
        try:
            opset, nodes = made(export, folder, seed)
            return Row(export.name, export.exporter, opset, nodes, *check(binary, export, folder))
        except Exception as e:  # the table goes on: one network must not cost the others
            where = traceback.extract_tb(e.__traceback__)[-1].name
            what = " ".join(str(e).split())[:300]
            return Row(export.name, export.exporter, opset, nodes, "", "", f"ERROR: {type(e).__name__} in {where}: {what}")


def rows(args, exports):
    tasks = [(args.bitsink, export, args.seed, args.keep) for export in exports]
    if args.jobs == 1:
        yield from (work(*task) for task in tasks)
        return
    # A forked process would inherit PyTorch's locks.
    with concurrent.futures.ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, *zip(*tasks))


def print_row(row):
    print(f"{row.name:26} {row.exporter:12} {row.opset:>5} {row.nodes:>5} {row.deviation:>9}  {row.campaign:8} {row.verdict}",
          flush=True)


def arguments(description, models):
    """The options of all tables. models: what --models may be, and its default first."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--models", default=models[0],
                        help=f"names, separated by commas, or {', '.join(models)} (default: {models[0]})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="exports worked on side by side (default: 1)")
    parser.add_argument("--keep", help="folder for the exported models (default: temporary)")
    return parser


def table(args, exports):
    """Prints the table; the exit status."""
    print_row(Row("model", "exporter", "opset", "nodes", "deviation", "campaign", "verdict"))
    agree = refused = 0
    for row in rows(args, exports):
        print_row(row)
        agree += row.verdict.startswith("agree") and row.campaign == "exact"
        refused += row.verdict.startswith("refused")
    failed = len(exports) - agree - refused
    print(f"{agree} of {len(exports)} exports agree and replay exactly, {refused} are refused as expected, {failed} fail")
    return int(failed > 0)
