"""pages.py BITSINK: figures and the report are whole, self-contained, and say what the tables say."""
import os
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zlib
from html.parser import HTMLParser

from findings import check_demo, check_many, interval, percent, percents, rounded
from independent import JOB
from raw import rows
from skips import fashion

KINDS = ("accuracy", "sinks", "trust", "bits", "rerun", "ber")
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    VOID = {"meta", "br", "img", "link"}

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.refs, self.cells, self.tables, self.text = [], [], [], [], [], ""

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "link", "iframe", "img", "object"), tag
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href"):
                assert value.startswith("#"), f"{name}={value}: an outside resource"
                self.refs.append(value[1:])
            assert not name.startswith("on"), name
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def pixels(path):
    """Width, height and the set of colours of an 8-bit PNG."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, size = 8, b"", None
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + n]
        size = struct.unpack(">IIBB", chunk[:10]) if kind == b"IHDR" else size
        body += chunk if kind == b"IDAT" else b""
        at += 12 + n
    assert size[2] == 8
    return size[0], size[1], len(zlib.decompress(body))


def check_page(path, bitsink, db):
    page = Page()
    with open(path, encoding="utf-8") as f:
        text = f.read()
    page.feed(text)
    assert not page.open, page.open
    assert len(page.ids) == len(set(page.ids)), "ids that stand twice"
    assert set(page.refs) <= set(page.ids), set(page.refs) - set(page.ids)
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(page.ids)
    assert not re.search(r"(src|href)=[\"']?(https?:|//|file:)", text) and "@import" not in text
    assert text.count("<svg") == len(KINDS)
    for row in rows(bitsink, db, "campaign"):
        assert row["model_sha256"] in page.text and row["seed"] in page.text
    entries = {e["id"]: e["name"] for e in rows(bitsink, db, "entry")}
    accuracy = next(t for t in page.tables if "accuracy" in t[0] and "layer" in t[0])
    at = {name: i for i, name in enumerate(accuracy[0])}
    want = [r for r in rows(bitsink, db, "layer_accuracy") if r["kind"] != "network"]
    assert len(accuracy) == len(want) + 1
    for have, row in zip(accuracy[1:], want):
        assert have[at["layer"]] == row["layer_name"] and have[at["trials"]] == f"{row['trials']:,}"
        assert have[at["entry"]] == f"{row['entry']} {entries[row['entry']]}"
        low, high = row["sdc1_low"], row["sdc1_high"]
        assert have[at["SDC-1"]] == percent(row["sdc1_rate"], low, high)
        assert have[at["SDC-1 interval, these images"]] == ("census" if row["census"] else percents(low, high))
    rates = next(t for t in page.tables if "SDC FIT" in t[0] and "SPFM" in t[0])
    at = {name: i for i, name in enumerate(rates[0])}
    want = [r for r in rows(bitsink, db, "failure_rate") if r["level"] == "kind"]
    bounds = [(r["sdc_fit_low"], r["sdc_fit_high"]) for r in want]
    assert [r[at["SDC FIT"]] for r in rates[1:]] == [rounded(r["sdc_fit"], *b, 12) for r, b in zip(want, bounds)]
    assert [r[at["SDC FIT interval, these images"]] for r in rates[1:]] == [interval(*b) for b in bounds]
    assert [r[at["target, these images"]] for r in rates[1:]] == [r["target"] for r in want]
    return page


def svg(path):
    with open(path, encoding="utf-8") as f:
        return re.sub(r"surface[0-9]+", "surface", f.read())


def plot(bitsink, db, path, *args):
    """Draws a figure, or the sheets of figure talk. Returns its SVG, or that of its sinks, without cairo's numbers."""
    subprocess.run([bitsink, "plot", db, *args, "-o", path, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return svg(path.replace("talk", "talk-sinks"))


def check_talk(bitsink, db, folder):
    """Figure talk has the sheets that figures accuracy and sinks draw of the layers that it should choose."""
    path, sheets = (os.path.join(folder, n) for n in ("talk.svg", "sheets.svg"))
    con = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    wrong = con.execute("""SELECT s.entry, l.label, sum(s.wrong) FROM layer_summary s JOIN layer l ON l.id = s.layer
        WHERE s.class >= 0 AND l.id < 4095 GROUP BY s.entry, l.id HAVING sum(s.wrong) > 0 ORDER BY s.entry, l.ordinal""").fetchall()
    con.close()
    entries = {}
    for entry, layer, n in wrong:
        entries.setdefault(entry, []).append((layer, n))
    entry, layers = next((e, [t for t, n in all_of if n >= 10]) for e, all_of in entries.items() if sum(n >= 10 for _, n in all_of) > 1)
    both = ("--entry", f"#{entry}", "--layer", layers[0], "--late", layers[-1])
    sinks = plot(bitsink, db, sheets, "sinks", *both)
    assert plot(bitsink, db, path, "talk") == sinks
    assert plot(bitsink, db, path, "talk", "--layer", entries[entry][0][0]) != sinks
    assert plot(bitsink, db, sheets, "accuracy", "--entry", f"#{entry}") == svg(os.path.join(folder, "talk-accuracy.svg"))


def check_network(page, bitsink, db):
    """Entries that hit the whole network have a section of their own, and are in nothing that is by layer."""
    want = [r for r in rows(bitsink, db, "layer_accuracy") if r["kind"] == "network"]
    assert len(want) > 1
    table = next(t for t in page.tables if "bit error rate" in t[0] and "intervals count" in t[0])
    at = {name: i for i, name in enumerate(table[0])}
    assert [r[at["entry"]].split()[0] for r in table[1:]] == [str(r["entry"]) for r in want]
    assert [r[at["SDC-1"]] for r in table[1:]] == [percent(r["sdc1_rate"], r["sdc1_low"], r["sdc1_high"]) for r in want]
    for table in page.tables:
        assert "layer" not in table[0] or all(r[table[0].index("layer")] != "network" for r in table[1:]), table[0]
    for kind, entry in ("accuracy", want[0]), ("talk", want[0]), ("ber", want[-1]):
        command = [bitsink, "plot", db, kind, "--entry", f"#{entry['entry']}", "-o", "none.svg", "--quiet"]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "nothing to draw" in done.stderr, kind


def check_gallery(bitsink):
    """The jobs of the gallery can be run, as far as their data are here."""
    tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    data = os.environ.get("BITSINK_TEST_DATA", os.path.join(tests, "..", "..", "shared", "data"))
    for job in ("fashion", "resnet20") if os.path.exists(os.path.join(data, "cifar10-100")) else ("fashion",):
        command = [bitsink, "plan", "--device", "null", "--quiet", os.path.join(tests, "pictures", job + ".yaml")]
        plan = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert len(re.findall(r"\bnetwork\b .*\n", plan)) >= 27, plan


def main():
    bitsink = os.path.abspath(sys.argv[1])
    fashion()
    check_gallery(bitsink)
    with tempfile.TemporaryDirectory() as folder:
        db, job = os.path.join(folder, "r.db"), os.path.join(folder, "job.yaml")
        with open(job, "w") as f:
            f.write("name: <b>&\"name\"\n" + JOB)
        subprocess.run([bitsink, "run", "--quiet", "--device", "null", "--db", db, job], check=True, stdout=subprocess.DEVNULL)
        with open(db, "rb") as f:
            before = f.read()
        for kind in KINDS:
            path = os.path.join(folder, kind + ".svg")
            subprocess.run([bitsink, "plot", db, kind, "-o", path, "--quiet"], check=True)
            root = ElementTree.parse(path).getroot()
            assert root.tag == SVG + "svg" and len(list(root.iter(SVG + "path"))) > 10, kind
            if kind not in ("accuracy", "bits"):  # PNG is the same drawing on another page
                continue
            path = os.path.join(folder, kind + ".png")
            subprocess.run([bitsink, "plot", db, kind, "-o", path, "--quiet"], check=True)
            width, height = (float(root.get(n).replace("px", "")) for n in ("width", "height"))
            w, h, size = pixels(path)
            assert (w, h) == (int(2 * width), int(2 * height)) and size == h * (3 * w + 1), kind
        check_talk(bitsink, db, folder)
        subprocess.run([bitsink, "report", db, "-o", os.path.join(folder, "page"), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        page = check_page(os.path.join(folder, "page", "report.html"), bitsink, db)
        check_network(page, bitsink, db)
        check_many(bitsink, db, os.path.join(folder, "page"))
        check_demo(bitsink, folder)
        assert "<b>&\"name\"" in page.text and "Severity" not in page.text
        with open(db, "rb") as f:
            assert f.read() == before, "reading changed the file"
        with open(os.path.join(folder, "g.csv"), "w") as f:
            f.write("class,group\nT-shirt,top\nShirt,top\n")
        subprocess.run([bitsink, "bn", db, "groups", os.path.join(folder, "g.csv")], check=True)
        subprocess.run([bitsink, "report", db, "-o", os.path.join(folder, "page"), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        assert "Severity" in check_page(os.path.join(folder, "page", "report.html"), bitsink, db).text


if __name__ == "__main__":
    main()
