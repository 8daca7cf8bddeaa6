"""layout.py BITSINK: a browser shows the report without anything beyond the edges: on a phone (390 CSS pixels) no scrolling of the
page, on paper (A4, what is between the margins) no column that is lost, and nothing that stays folded. Skipped without chromium."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from skips import fashion, skip

HERE = os.path.dirname(os.path.abspath(__file__))
# Frames of the two widths; once both are there, the title becomes what was measured.
WRAPPER = """<!DOCTYPE html><title>nothing</title>
<iframe src=phone.html style="border:0;width:390px;height:844px"></iframe><iframe src=paper.html style="border:0;width:718px;height:999px"></iframe>
<script>onload = () => { document.title = JSON.stringify([frames[0], frames[1]].map(f => { const d = f.document, root = d.scrollingElement;
  const inside = e => e.getBoundingClientRect();
  return {width: root.clientWidth, scroll: root.scrollWidth, right: Math.max(...[...d.querySelectorAll("table, figure svg, pre, li, p, h1, h2")].map(e => inside(e).right)),
    tables: d.querySelectorAll("table").length, shown: [...d.querySelectorAll("table")].filter(e => inside(e).height > 0 && e.checkVisibility({contentVisibilityAuto: true})).length,
    figure: Math.min(...[...d.querySelectorAll("figure svg")].map(e => inside(e).width)), small: Math.min(...[...d.querySelectorAll("p, td")].map(
    e => parseFloat(f.getComputedStyle(e).fontSize)))}; })); }</script>
"""


def measure(browser, folder):
    with open(os.path.join(folder, "wrapper.html"), "w") as f:
        f.write(WRAPPER)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", f"--user-data-dir={folder}/profile",
               "--window-size=1200,1000", "--virtual-time-budget=5000", "--dump-dom", f"file://{folder}/wrapper.html"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    title = re.search("<title>(.*?)</title>", done.stdout)
    if done.returncode or not title:
        skip(f"{browser} does not start here: {done.stderr[-300:]}")
    return json.loads(title[1])


def main():
    bitsink = os.path.abspath(sys.argv[1])
    fashion()
    browser = shutil.which("chromium") or shutil.which("google-chrome") or skip("no chromium")
    with tempfile.TemporaryDirectory() as folder:
        db = os.path.join(folder, "r.db")
        subprocess.run([bitsink, "run", "--quiet", os.path.join(HERE, "../jobs/demo.yaml"), "--db", db, "--device", "cpu"], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "BITSINK_IMAGES": "20", "BITSINK_TRIALS": "2"})
        subprocess.run([bitsink, "report", db, "-o", folder, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "report.html"), encoding="utf-8") as f:
            page = f.read()
        for name, text in ("phone", page), ("paper", page.replace("@media print", "@media all").replace("@media screen", "@media not all and")):
            with open(os.path.join(folder, name + ".html"), "w", encoding="utf-8") as f:
                f.write(text)
        phone, paper = measure(browser, folder)
        assert phone["scroll"] <= phone["width"] <= 390, phone
        assert phone["figure"] > 390 and phone["small"] >= 12, phone
        assert paper["tables"] > 12 and paper["shown"] == paper["tables"], paper
        assert paper["width"] == 703 and paper["scroll"] <= 703 and paper["right"] <= 703.5 and paper["small"] >= 8, paper


if __name__ == "__main__":
    main()
