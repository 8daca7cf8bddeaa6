"""pgmpy_agreement.py BITSINK: the exported network in pgmpy, whose exact inference must agree with bitsink's tables.

Skipped (77) without pgmpy. The file must also be what bnlearn's read.bif takes: plain names, one line a state."""
import os
import re
import subprocess
import sys
import tempfile

from independent import JOB
from raw import close, rows
from skips import fashion, require

inference, readwrite = require("pgmpy.inference", "pgmpy.readwrite")


def state(variable, value, network):
    if variable in ("fault", "correct_label", "correct_golden"):
        return "yes" if value else "no"
    if variable == "class":
        return "DUE" if value < 0 else f"C_{value}"
    if variable == "image":
        return f"I_{value}"
    if value < 0:
        return "none"
    return next(s for s in network.get_cpds("layer").state_names["layer"] if s.endswith(f"_{value}"))


def main():
    bitsink = os.path.abspath(sys.argv[1])
    fashion()
    with tempfile.TemporaryDirectory() as folder:
        db, job, bif = (os.path.join(folder, n) for n in ("r.db", "job.yaml", "r.bif"))
        with open(job, "w") as f:
            f.write(JOB.replace("limit: 30", "limit: 12"))
        subprocess.run([bitsink, "run", "--quiet", "--device", "null", "--db", db, job], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([bitsink, "bn", db, "set", "p=0.2", "pseudo_count=1.5"], check=True)
        for by_layer in (False, True):
            subprocess.run([bitsink, "bn", db, "export", "--scope", "1", "--output", bif] + ["--by-layer"] * by_layer, check=True)
            with open(bif) as f:
                text = f.read()
            assert not re.search(r"[^\x20-\x7e\n]", text)
            network = readwrite.BIFReader(bif).get_model()
            assert network.check_model()
            infer = inference.VariableElimination(network)
            checked = 0
            golden = {r["image"]: r["golden_class"] for r in rows(bitsink, db, "bn_image")}
            layers = [r["layer"] for r in rows(bitsink, db, "bn_layer")[:2]]
            layer = layers[0]
            for given in ({}, {"class": golden[0]}, {"class": golden[1], "layer": layer}, {"fault": 1}, {"correct_golden": 0},
                          {"layer": layer}, {"image": 2}, {"class": golden[2], "image": 2}, {"correct_label": 1, "fault": 1}):
                if by_layer and "image" in given:
                    continue
                evidence = {k: state(k, v, network) for k, v in given.items()}
                ask = [v for v in ("class", "layer", "image", "fault", "correct_label", "correct_golden")
                       if v not in given and v in network.nodes()]
                text = ",".join(f"{k}={v}" for k, v in given.items())
                got = rows(bitsink, db, "query", "--scope", "1", *(["--given", text] if text else []), "--of", ",".join(ask))
                for variable in ask:
                    factor = infer.query([variable], evidence=evidence, show_progress=False)
                    want = dict(zip(factor.state_names[variable], factor.values))
                    have = {state(variable, r["value"], network): r["probability"] for r in got if r["variable"] == variable}
                    for name, v in want.items():
                        close(f"P({variable}={name} | {text})", have.pop(name, 0.0), float(v))
                        checked += 1
                    assert not have, have
            for variable, values in (("class", (golden[0], golden[1])), ("layer", layers)):
                states = [state(variable, v, network) for v in values]
                prior = infer.query([variable], show_progress=False)
                text = "|".join(f"#{v}" for v in values)
                for r in rows(bitsink, db, "query", "--scope", "1", "--given", f"{variable}={text}", "--of", "correct_label"):
                    parts = [(prior.get_value(**{variable: s}), infer.query(["correct_label"], evidence={variable: s}, show_progress=False))
                             for s in states]
                    name = state("correct_label", r["value"], network)
                    want = sum(w * f.get_value(correct_label=name) for w, f in parts) / sum(w for w, _ in parts)
                    close(f"P(correct_label={name} | {variable}={text})", r["probability"], float(want))
            assert checked > 50
            trust = {r["class"]: r for r in rows(bitsink, db, "bn_trust") if r["scope"] == 1}
            for c, r in trust.items():
                if r["trust_label"] is None or f"C_{c}" not in network.get_cpds("class").state_names["class"]:
                    continue
                for notion in ("label", "golden"):
                    factor = infer.query([f"correct_{notion}"], evidence={"class": f"C_{c}"}, show_progress=False)
                    close("trust", r[f"trust_{notion}"], float(factor.get_value(**{f"correct_{notion}": "yes"})))


if __name__ == "__main__":
    main()
