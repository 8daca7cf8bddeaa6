"""hostile_names.py BITSINK: a campaign whose every name is hostile (controls, marks of direction, formulas, markup, bytes
that are not UTF-8, names of other things) runs, and no command lets any of them out: not onto a terminal (stdout and
stderr), not into CSV, JSON, HTML, SVG or BIF. Names that are not text are refused before any work."""
import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import tiny_onnx
from pages import KINDS, Page

ESC, RLO, BOM, NEL, LINE, ZERO, TAG = "\x1b", "\u202e", "\ufeff", "\x85", "\u2028", "\u200b", "\U000e0041"
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
                    "\ufffe\uffff\U000e0000-\U000e007f]")
CLASSES = ["DUE", "3", "crane", "crane", f"{ESC}]0;owned\x07", "=cmd|'/C calc'!A0", f"{RLO}evil{TAG}", "a\tb;c", "<b>&\"x\"</b>",
           f"{NEL}n{LINE}", "'=x", "@SUM(1)"]
TENSORS = [f"x{ESC}[31m", "=w\n", "none", "3", "a,\"b\"\n+", "#0", "'-v", f"{RLO}all{ZERO}"]
IMAGES = [b"bad\xff\xfe.png", b"esc\x1b[2J.png", b"new\nline.png", b"=1+1.png", b"<i>&.png", "\u202egnp.png".encode(), b"-2,3\".png",
          "caf\u00e9.png".encode(), b"zz\x9b.png"]
JOB = r"""
name: "=job\e[31m\n\u202E<script>alert(1)</script>"
model: "m\e.onnx"
class_names: "names \e.txt"
seed: %d
images: {folder: "img \e", unlabelled: true, max_broken: 5}
faults:
  - {id: 1, name: "@entry\e[0m\x07\n", targets: {kind: activation}, fault: flip, bits: exponent, trials: 6}
  - {id: 2, name: "1", targets: {kind: weight}, fault: flip, bits: any, trials: 6}
  - {id: 3, name: "x", targets: {kind: activation}, fault: stuck-at-1, ber: 1e-3, trials: 2}
  - {id: 4, name: "\e]=n", targets: {kind: activation}, scope: inference, fault: flip, ber: 1e-3, trials: 2}
"""


FEW = sys.argv[2:] == ["few"]  # tables, where sanitizers make it slow


def check_text(text, what):
    found = HIDDEN.search(text)
    assert not found, f"{what}: {found.group()!r} in {text[max(0, found.start() - 60):found.end() + 20]!r}"


class Program:
    def __init__(self, path, folder):
        self.path, self.folder = path, folder

    def run(self, *words, code=0):
        """stdout and stderr, checked; `code` None: any but a crash."""
        done = subprocess.run([self.path, *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code or (code is None and 0 <= done.returncode < 99), (words, done.returncode, out, err)
        check_text(out, words)
        check_text(err, words)
        assert len(re.findall("^error: ", err, re.M)) == (done.returncode != 0), (words, err)
        return out, err

    def refuse(self, *words, code=2, says="", hint=None):
        err = self.run(*words, code=code)[1]
        assert says in err and (hint is None or hint in err), (words, err)
        return err


def check_csv(text, what):
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            assert not cell or cell[0] not in "=+-@\t\r" or re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?|-inf", cell), (what, cell)


def tables(p, db, like=""):
    """Every table and view whose name holds `like`, in every format."""
    for name in re.findall(rf"^  (\w*{like}\w*) ", p.run("bn", db)[0], re.M):
        if FEW and not re.search("^(entry|layer|image|class.*|severity|bn_trust|sink_test|campaign|run)$", name):
            continue
        p.run("bn", db, name)
        check_csv(p.run("bn", db, name, "--format", "csv")[0], name)
        for line in p.run("bn", db, name, "--format", "json")[0].splitlines():
            json.loads(line)


def queries(p, db):
    p.refuse("plot", db, "sinks", "-o", "x.svg", "--layer", "none", says="layer 'none' is ambiguous")
    of = "class,layer,entry,image,label,golden,fault,correct"
    for given in ("layer=#1", f"layer={TENSORS[7]}", "layer=#-1", "class=#4", f"class={CLASSES[4]}", "class=#-1", "entry=#1", "image=esc",
                  "image=#2"):
        for form in ("table", "csv", "json"):
            text = p.run("bn", db, "query", "--given", given, "--of", of, "--format", form, code=None)[0]
            if form == "csv":
                check_csv(text, given)
    # What may mean two things is refused, and each hint works.
    for kind, text in (("class", "DUE"), ("class", "3"), ("class", "crane"), ("layer", "none"), ("layer", "3"), ("entry", "1")):
        err = p.refuse("bn", db, "query", "--given", f"{kind}={text}", "--of", "fault", says="is ambiguous: it means 2 of them")
        ids = re.findall(r"#-?\d+", err)
        assert len(ids) == 2, err
        for id in ids:
            p.run("bn", db, "query", "--given", f"{kind}={id}", "--of", "fault", code=None)
    for kind in ("class", "layer", "entry", "image"):
        p.refuse("bn", db, "query", "--given", f"{kind}=no{ESC}such", "--of", "fault")
        p.refuse("bn", db, "query", "--given", f"{kind}=99", "--of", "fault", says=f"no {kind} '99'")
    p.refuse("bn", db, "query", "--given", f"{ESC}=1", "--of", "fault")
    p.refuse("bn", db, f"t{RLO}", says="unknown table 't\\u202e'")


def settings(p, db):
    def load(what, text, **k):
        with open(os.path.join(p.folder, b"s\x1b.csv"), "wb") as f:
            f.write(text.encode("latin-1") if k.pop("latin", False) else text.encode())
        return p.run("bn", db, what, "s\x1b.csv", **k)
    for name in ("DUE", "due", "crane #3"):
        assert "may not be called" in load("groups", f"class,group\n#0,{name}\n", code=2)[1]
    err = load("groups", "class,group\n#5,caf\xe9\n", latin=True, code=2)[1]
    assert ":2: byte 0xe9 is not UTF-8, after '#5,caf'" in err and "iconv -f ISO-8859-1 -t UTF-8 $'s\\033.csv' >NEW" in err, err
    # The guard of a CSV that bitsink wrote is understood, for '=cmd... (class 5) and ''=x (class 10).
    load("groups", f"class,group\n'{CLASSES[5]},=g{ESC}\n'{CLASSES[10]},=g{ESC}\n#6,{RLO}h\n")
    load("costs", f"truth,answer,cost\nDUE #0,crane #2,7\n=g{ESC},DUE,2\n", code=0)
    assert "group names hold 'crane'" in load("costs", "truth,answer,cost\ncrane,DUE,2\n", code=2)[1]
    shown = p.run("bn", db, "weights", os.devnull, code=None)
    assert shown[1]
    with sqlite3.connect(os.path.join(p.folder, db.encode())) as c:
        groups = c.execute("SELECT class, name FROM class_group_all ORDER BY class").fetchall()
        assert [g for _, g in groups[:6]] == ["DUE", "DUE #0", "3", "crane #2", "crane #3", CLASSES[4]], groups
        assert len({g for _, g in groups}) == len(groups) - 1
        assert dict(groups)[5] == dict(groups)[10] == f"=g{ESC}"
        wrong = c.execute("SELECT count(*), min(cost), max(cost) FROM severity_cell WHERE (truth, answer) IN ((2, 3), (3, 2))").fetchone()
        assert wrong[0] == 0 or wrong[1:] == (1, 1), wrong
        free = c.execute("SELECT count(*) FROM severity_cell WHERE answer = 0 AND truth <> 0 AND cost = 0").fetchone()
        assert free == (0,), "class 'DUE' costs as much as the outcome"
    p.refuse("bn", db, "set", "scope=1", says="entry '1' is ambiguous")
    p.run("bn", db, "set", "scope=#1")


def reports(p, db):
    for kind in KINDS:
        for end in ("svg", "png"):
            p.run("plot", db, kind, "-o", f"{ESC}{kind}.{end}")
        with open(os.path.join(p.folder, f"{ESC}{kind}.svg".encode()), encoding="utf-8") as f:
            check_text(f.read(), kind)
        ElementTree.parse(os.path.join(p.folder, f"{ESC}{kind}.svg".encode()))
    p.run("plot", db, "sinks", "-o", "x.svg", "--layer", "#3")
    p.run("report", db, "-o", f"page{ESC}")
    with open(os.path.join(p.folder, f"page{ESC}".encode(), b"report.html"), encoding="utf-8") as f:
        text = f.read()
    check_text(text, "report")
    page = Page()
    page.feed(text)
    assert not page.open, page.open
    # The command that reproduces the campaign is one that a shell takes apart as meant.
    command = re.search(r"bitsink run (\S.*) --db again", page.text).group(1)
    words = subprocess.run(["bash", "-c", f"printf '%s' {command}"], stdout=subprocess.PIPE, check=True).stdout
    assert words in [os.path.join(os.path.realpath(p.folder), j) for j in (b"job $(exit 9)\n\xff.yaml", b"other.yaml")], words
    bif = p.run("bn", db, "export")[0]
    assert not any(n in bif for n in ("crane", "evil", "entry")) and "C_0" in bif


def lossless(p, db):
    """JSON, and any client of SQLite, give back the very names."""
    trust = [json.loads(line) for line in p.run("bn", db, "bn_trust", "--format", "json")[0].splitlines()]
    assert trust and all(x["class_name"] == CLASSES[x["class"]] for x in trust)
    with sqlite3.connect(os.path.join(p.folder, db.encode())) as c:
        for (table,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            c.execute(f"SELECT * FROM {table}").fetchall()  # raises where TEXT is not UTF-8
        assert [n for (n,) in c.execute("SELECT name FROM class ORDER BY id")] == CLASSES
        assert {n for (n,) in c.execute("SELECT name FROM layer")} <= {*TENSORS, "network"}
        paths = [n for (n,) in c.execute("SELECT path FROM image ORDER BY id")]
        assert "bad\\xff\\xfe.png" in paths and "new\nline.png" in paths, paths
    with sqlite3.connect(os.path.join(p.folder, b"cpu.db")) as c:
        assert [r.count("zz\\x9b.png") for (r,) in c.execute("SELECT reason FROM broken_image")] == [1]
    p.run("bn", "cpu.db", "broken_image", code=None)
    lines = [json.loads(line) for line in p.run("inspect", "--json", "m\x1b.onnx")[0].splitlines()]
    assert {x["name"] for x in lines} <= set(TENSORS) and any(x["name"] == TENSORS[4] for x in lines)
    answers = [json.loads(line) for line in p.run("bn", db, "image", "--format", "json")[0].splitlines()]
    assert [x["path"] for x in answers] == paths


def old_bytes(p, db):
    """Files of earlier versions hold bytes that are not UTF-8."""
    with sqlite3.connect(os.path.join(p.folder, db.encode())) as c:
        for table, column in (("class", "name"), ("layer", "name"), ("entry", "name"), ("image", "path"), ("campaign", "name")):
            c.execute(f"UPDATE {table} SET {column} = CAST(CAST({column} AS BLOB) || x'fffe9bc0af1b' AS TEXT)")
    for like in ("bn_trust", "bn_layer", "image", "severity", "entry", "campaign", "sink"):
        tables(p, db, like)
    reports(p, db)
    assert "crane\\xff\\xfe\\x9b\\xc0\\xaf\\x1b" in p.refuse("bn", db, "query", "--given", "class=crane", "--of", "fault")
    p.run("status", db)
    p.run("status", db, "--json")
    # An upgrade stores them as a run of today does.
    path = os.path.join(p.folder, db.encode())
    with sqlite3.connect(path) as c:
        c.execute("PRAGMA user_version = 4")
    p.run("upgrade", db, "--output", f"u{ESC}.db")
    p.run("upgrade", db, "--json")
    with sqlite3.connect(path) as c:
        for table, column in (("class", "name"), ("layer", "name"), ("entry", "name"), ("image", "path"), ("campaign", "name")):
            names = c.execute(f"SELECT {column} FROM {table}").fetchall()  # which fails where one is not UTF-8
            assert names and all(name.endswith("\\xff\\xfe\\x9b\\xc0\\xaf\x1b") for (name,) in names), names


def limits(p):
    for db, code in (("cpu.db", None), (f"r{ESC}.db", 7), (f"no{ESC}.db", 1)):
        for words in (["--max", "layer_sdc=0.1,trust=0.9,sdc_fit=10"], ["--min", "layer_accuracy=0.1", "--json"]):
            p.run("check", db, *words, code=code)
    p.run("check", "cpu.db", "--max", f"layer{ESC}=1", code=2)
    p.run("check", "cpu.db", "--max", "layer_sdc=1", "--layer", f"{ESC}none", code=2)


def sites(p, job):
    """A site list of hostile targets is read back as it was written."""
    p.run("plan", "--quiet", "--sites", "s.csv", job, "--device", "null")
    with open(os.path.join(p.folder, b"s.csv"), encoding="utf-8") as f:
        text = f.read()
    check_text(text, "sites")
    check_csv(text, "sites")
    again = JOB[:JOB.index("faults:")] % 3 + "faults:\n  - {id: 1, sites: s.csv}\n"
    with open(os.path.join(p.folder, b"again.yaml"), "w") as f:
        f.write(again)
    p.run("plan", "--quiet", "--sites", "t.csv", "again.yaml", "--device", "null")
    with open(os.path.join(p.folder, b"t.csv"), encoding="utf-8") as f:
        have = f.read()
    want = [line for line in csv.reader(io.StringIO(text)) if line[1] in ("1", "entry")]
    assert list(csv.reader(io.StringIO(have))) == want
    assert {"#1", "'=w"} & {line[2] for line in csv.reader(io.StringIO(text))}


def refusals(p):
    """Each is refused by every command that reads it, at once; each hint that gives a command works."""
    def write(name, data):
        with open(os.path.join(p.folder, name), "wb") as f:
            f.write(data)
    job = JOB % 1
    names = "\n".join(CLASSES) + "\n"
    cases = [("caf\xe9\nb\n".encode("latin-1"), "'bad names':1: byte 0xe9 is not UTF-8, after 'caf'", "ISO-8859-1"),
             (b"a\nb \x93q\x94\n", "byte 0x93", "WINDOWS-1252"), (b"a\n\xc0\xafb\n", "byte 0xc0", "ISO-8859-1"),
             (b"a\n\xed\xa0\x80\n", "byte 0xed", "WINDOWS-1252"), (b"\xf4\x90\x80\x80\n", ":1: byte 0xf4", None),
             (("\ufeff" + names).encode("utf-16-le"), ":1: the file is UTF-16", "UTF-16"),
             (("\ufeff" + names).encode("utf-16-be"), "UTF-16", "UTF-16"), (("\ufeff" + names).encode("utf-32-le"), "UTF-32", "UTF-32"),
             ("caf\u00e9\n".encode() + b"b\xe9\n", ":2: byte 0xe9", None)]
    write(b"bad.yaml", job.replace(r"names \e.txt", "bad 'names").encode())
    for data, says, encoding in cases:
        write(b"bad 'names", data)
        says = says.replace("'bad names'", "bad 'names")
        for words in (["plan"], ["run", "--db", "never.db"], ["classify"]):
            err = p.refuse(*words, "bad.yaml", code=1, says=says)
            command = re.search("iconv .*", err)
            assert bool(command) == bool(encoding) or says.endswith("0xf4"), err
            if command and encoding:
                assert f"-f {encoding} " in command.group(), err
                subprocess.run(["sh", "-c", command.group()], cwd=p.folder, check=True)
                with open(os.path.join(p.folder, b"NEW"), encoding="utf-8") as f:
                    f.read()
        assert not os.path.exists(os.path.join(p.folder, b"never.db"))
    write(b"bad.yaml", job.replace("seed", "# caf\xe9\nseed").encode("latin-1"))
    p.refuse("plan", "bad.yaml", says="bad.yaml:5: byte 0xe9 is not UTF-8", hint="iconv")
    write(b"bad.yaml", job.encode("utf-16"))
    p.refuse("plan", "bad.yaml", code=1, says="UTF-16", hint="iconv")
    write(b"bad.yaml", job.replace('name: "x"', 'name: "x${HOSTILE}"').encode())
    os.environb[b"HOSTILE"] = b"\xff"
    p.refuse("plan", "bad.yaml", says="bad.yaml:10: 'name' is not UTF-8: 'x\\xff'")
    good = TENSORS[:2]
    write(b"bad.onnx", tiny_onnx.network([*good, b"conv\xff", *TENSORS[3:]], 12))
    p.refuse("inspect", "bad.onnx", code=1, says="conv\\xff' is not UTF-8")
    write(b"bad.onnx", tiny_onnx.network(TENSORS, 12, op=f"Re{ESC}lu\n"))
    p.refuse("inspect", "bad.onnx", code=1, says="Re\\x1blu\\n")
    write(b"bad.onnx", tiny_onnx.network(TENSORS, 12, attributes=tiny_onnx.string_attribute("auto_pad", f"{ESC}[5m\xff")))
    p.refuse("inspect", "bad.onnx", code=1, says="'\\x1b[5m")


def main():
    bitsink = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as root:
        folder = os.path.join(root.encode(), b"dir \xfe\x1b[1m")
        os.mkdir(folder)
        p, job, db = Program(bitsink, folder), b"job $(exit 9)\n\xff.yaml", f"r{ESC}.db"
        files = [(job, (JOB % 3).encode()), (b"m\x1b.onnx", tiny_onnx.network(TENSORS, len(CLASSES))),
                 (b"names \x1b.txt", "\n".join(CLASSES).encode() + b"\n")]
        os.mkdir(os.path.join(folder, b"img \x1b"))
        images = [os.path.join(b"img \x1b", name) for name in IMAGES]
        files += [(name, tiny_onnx.png(i)) for i, name in enumerate(images[:-1])] + [(images[-1], b"broken")]
        for name, data in files:
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        for words in (["inspect", "m\x1b.onnx"], ["plan", job, "--device", "null"], ["plan", "--json", job, "--device", "null"],
                      ["run", job, "--device", "null", "--db", db, "--audit", "0.2"], ["run", job, "--device", "null", "--db", db],
                      ["run", job, "--device", "null", "--db", db, "--json"], ["status", db], ["status", db, "--json"],
                      ["run", job, "--device", "cpu", "--db", "cpu.db", "--self-test", "off"],
                      ["classify", job, "--device", "cpu"], ["classify", job, "--json"],
                      ["classify", "m\x1b.onnx", *images[:3]], ["classify", "m\x1b.onnx", "--json", *images[:3]],
                      ["plan", job, "--db", db, "--margin", "0.1"], ["plan", job, "--db", db, "--margin", "0.1", "--json"],
                      ["trace", db, "1:3:0:0", "--job", job, "--device", "null"], ["trace", db, "1:3:0:0"],
                      ["trace", db, "2:1:6:0", "--json", "--job", job, "--device", "cpu"],
                      ["trace", db, "9:9:9:9"],
                      ["digest", db], ["backup", db, f"b{ESC}.db"]):
            fails = words[-1] == "9:9:9:9" or words[:2] == ["classify", job]  # no such trial; the broken image
            p.run(*words, code=1 if fails else 0)
        tables(p, db)
        queries(p, db)
        settings(p, db)
        tables(p, db, "severity")
        tables(p, db, "group")
        reports(p, db)
        lossless(p, db)
        sites(p, job)
        for k in (1, 2):
            p.run("run", "--quiet", job, "--device", "null", "--shard", f"{k}/2", "--db", f"{k}{ESC}.db")
        p.run("merge", f"m{ESC}.db", f"1{ESC}.db", code=3)
        p.run("merge", f"m{ESC}.db", f"1{ESC}.db", f"2{ESC}.db", "--json")
        with open(os.path.join(folder, b"other.yaml"), "w") as f:
            f.write(JOB % 4)
        p.run("run", "--quiet", "other.yaml", "--device", "null", "--db", "o.db")
        for words in (["--all"], ["--all", "--json"], ["--map", f"{TENSORS[7]}=no{ESC}"]):
            p.run("compare", db, "o.db", *words, code=None)
        old_bytes(p, "o.db")
        limits(p)
        for words in (["run", f"no{ESC}.yaml"], ["status", f"no{ESC}"], ["bn", f"no{RLO}", "entry"], [f"no{ESC}"], ["plot", db, f"k{ESC}"],
                      ["status", db, f"--{ESC}"], ["run", "other.yaml", "--db", db], ["plan", job, f"--threads={ESC}"]):
            p.run(*words, code=None)
        refusals(p)


if __name__ == "__main__":
    main()
