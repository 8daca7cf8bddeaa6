#!/usr/bin/env python3
"""documents.py SOURCE BITSINK: what the documents (*.md) of the source tree say, held against the tree and the program.

  size     README.md has at most 10,000 bytes
  link     a relative link leads to something in the tree, and its #anchor to a heading there
  command  `bitsink COMMAND` has help, and each --option after it is in that help
  option   an `--option` by itself is in the help of some command, or in some script or build file
  file     a source file that is named in code, such as `replay/replay.c`, exists
  name     a bs_NAME, BS_NAME, BITSINK_NAME or function() in code occurs in the sources

Code is what stands between backquotes, and in fenced or indented blocks. Reports of machines (tests/gpu/*.md but its README)
say what was true when they were made: only their links are looked at. Exit status: 0 nothing found, 1 something.
"""

import fnmatch
import os
import re
import subprocess
import sys

MOST_BYTES = 10000
REPORTS = "tests/gpu/*.md"
SOURCES = (".c", ".h", ".cu", ".sql", ".sh", ".py", ".cmake", ".inc")
DATA = (".yaml", ".csv", ".txt", ".md", ".onnx", ".png")
PLACEHOLDERS = r"NAME|CASE|FAMILY|CARD|CARDS"


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def tree(root):
    """Files of the source tree, relative to its root; builds, reports and hidden folders are none of it."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith((".", "__", "build")) and not f.endswith("-report")]
        found += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(found)


# --- the parts of a document ---


class Document:
    """Links, anchors of headings, and pieces of code, each with the number of its line."""

    def __init__(self, text):
        self.links, self.anchors, self.spans, self.lines = [], set(), [], []
        fence, before = None, ""
        paragraph = []  # (number, line): a span of code may go on in the next line
        for number, line in enumerate([*text.splitlines(), ""], 1):
            mark = re.match(r" *(```|~~~)", line)
            if mark and fence in (None, mark[1]):
                fence = None if fence else mark[1]
                before = ""
            elif fence or (line.startswith("    ") and not before.strip()):
                self.lines.append((number, line.strip()))
                before = before if not fence else ""
                continue
            if mark or not line.strip() or line.startswith(("#", "|")):
                self.end(paragraph)
                paragraph = []
            if not mark and line.strip():
                paragraph.append((number, line))
            if line.startswith("#"):
                self.anchors.add(anchor(line))
            before = line if not re.match(r" *([-*]|\d+\.) ", line) else "-"
        self.end(paragraph)

    def end(self, paragraph):
        if not paragraph:
            return
        text = "\n".join(line for _, line in paragraph)
        number = paragraph[0][0]
        for span in re.finditer(r"(`+)(.+?)(?<!`)\1(?!`)", text, re.S):
            self.spans.append((number + text.count("\n", 0, span.start()), span[2].replace("\n", " ").strip()))
        prose = re.sub(r"(`+)(.+?)(?<!`)\1(?!`)", lambda s: re.sub(r"[^\n]", "`", s[0]), text, flags=re.S)
        for link in re.finditer(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|^\[[^]]+\]: *(\S+)", prose, re.M):
            self.links.append((number + text.count("\n", 0, link.start()), link[1] or link[2]))

    def commands(self):
        """Lines of code; those that end with a backslash go on in the next."""
        joined, first = "", 0
        for number, line in self.lines:
            first = first or number
            if line.endswith("\\"):
                joined += line[:-1] + " "
                continue
            yield first, joined + line
            joined, first = "", 0


def anchor(heading):
    """The anchor that hosts of Git repositories make of a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.lstrip("#").strip()).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


# --- the program's help ---


class Program:
    """What bitsink's help knows. run(words) gives exit status and output."""

    def __init__(self, run):
        self.run, self.texts = run, {}

    def help(self, *words):
        """The help, or "" where there is none."""
        if words not in self.texts:
            status, text = self.run(["help", *words])
            self.texts[words] = text if status == 0 else ""
        return self.texts[words]

    def is_command(self, word):
        return word == "help" or f"usage: bitsink {word}" in self.help(word)

    def has_option(self, word, option):
        texts = self.help() if word == "help" else self.help(word)
        return option in re.findall(r"--[a-z][a-z0-9-]*", texts)


def program(path):
    def run(words):
        done = subprocess.run([path, *words], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    return Program(run)


# --- checks: each yields (line, text) ---


def check_links(name, document, documents, files):
    folders = {os.path.dirname(f) for f in files}
    folders |= {f[:i] for f in folders for i, c in enumerate(f) if c == "/"}
    for number, link in document.links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, wanted = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
        if target not in files and target not in folders:
            yield number, f"link to '{link}', which is not there"
        elif wanted and target in documents and wanted not in documents[target].anchors:
            yield number, f"link to '{link}', but no heading there makes this anchor"


def invocations(code):
    """The words of each call of bitsink in a line of code, not those where it is the argument of another program."""
    for part in re.split(r"[|;&()`]|\$\(", code):
        words = re.sub(r"\d?>.*", "", part).split()
        while words and re.fullmatch(r"\$|!|if|time|nice|env|exec|\w+=.*", words[0]):
            del words[0]
        if len(words) > 1 and re.fullmatch(r"(.*/)?bitsink", words[0]) and re.fullmatch(r"-{0,2}[a-z][a-z-]*", words[1]):
            yield words[1:]


def check_call(words, bitsink):
    command = words[0]
    if command.startswith("--"):
        if not bitsink.has_option("help", command):
            yield f"'bitsink {command}' is not in its help"
        return
    if not bitsink.is_command(command):
        yield f"bitsink has no command '{command}'"
        return
    if command == "help":
        if words[1:] and re.fullmatch(r"[a-z-]+", words[1]) and not bitsink.help(words[1]):
            yield f"'bitsink help {words[1]}' has no such help"
        return
    for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", " ".join(words[1:])):
        if not bitsink.has_option(command, option):
            yield f"'bitsink {command}' has no option {option}"


def check_commands(document, bitsink, foreign):
    known = None
    for number, code in [*document.spans, *document.commands()]:
        for words in invocations(code):
            for text in check_call(words, bitsink):
                yield number, text
    for number, code in document.spans:
        for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", code) if code.startswith("--") else []:
            if known is None:
                known = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", foreign))
            if option not in known and not any(bitsink.has_option(c, option) for c in commands(bitsink)):
                yield number, f"no command of bitsink and no script has an option {option}"


def commands(bitsink):
    """Every word at the start of a line of the general help that is a command."""
    return [w for w in re.findall(r"^ +([a-z]+) ", bitsink.help(), re.M) if bitsink.is_command(w)]


def check_files(document, files):
    tops = {f.split("/")[0] for f in files if "/" in f}
    wanted = [(number, word, True) for number, code in document.spans for word in named_files(code)]
    wanted += [(number, word, False) for number, code in document.commands() for word in named_files(code)]
    for number, word, alone in wanted:
        path = re.sub(r"^(\.\.?/)+", "", word)
        inside = "/" in path and path.split("/")[0] in tops
        if path.startswith("build") or not (inside or (alone and path.endswith(SOURCES))):
            continue
        pattern = re.sub(PLACEHOLDERS, "*", path)
        if not any(fnmatch.fnmatch(f, pattern) or fnmatch.fnmatch(f, "*/" + pattern) for f in files):
            yield number, f"names the file '{word}', which is not there"


def named_files(code):
    """Words that look like files of the source tree."""
    for word in re.findall(r"(?<![\w./$*{<-])[\w*./-]*[\w*]\.[a-z]+\b(?![\w/])", code):
        if word.endswith(SOURCES + DATA):
            yield word


def check_names(document, words):
    for number, code in [*document.spans, *document.lines]:
        for word in re.findall(r"\b(?:bs_|BS_|BITSINK_)\w+|\b\w+(?=\(\))", code):
            pattern = re.sub(PLACEHOLDERS, r"\\w+", word)
            if word not in words and not (pattern != word and any(re.fullmatch(pattern, w) for w in words)):
                yield number, f"names '{word}', which is nowhere in the sources"


def check_entrance(text, bitsink):
    """README.md repeats the number of operators, and its chapter "Commands" the name of each command."""
    operators = len(re.findall(r"\w+", bitsink.help("--region", "operators")))
    for said in re.finditer(r"(\d+) operators", text):
        if int(said[1]) != operators:
            yield text.count("\n", 0, said.start()) + 1, f"says {said[1]} operators, the program has {operators}"
    if "## Commands" in text:
        for command in commands(bitsink):
            if command != "help" and f"`bitsink {command}`" not in text:
                yield text.count("\n", 0, text.index("## Commands")) + 1, f"does not name the command 'bitsink {command}'"


# --- all of it ---


def check(root, bitsink):
    """All findings, as lines, and how many documents were looked at."""
    files = tree(root)
    documents = {name: Document(read(os.path.join(root, name))) for name in files if name.endswith(".md")}
    own = [f for f in files if f.endswith(SOURCES) or os.path.basename(f) == "CMakeLists.txt"]
    texts = {f: read(os.path.join(root, f)) for f in own}
    words = {w for text in texts.values() for w in re.findall(r"\w+", text)}
    scripts = "\n".join(text for f, text in texts.items() if not f.endswith((".c", ".h", ".cu", ".sql")))
    found, entrance = [], os.path.join(root, "README.md")
    size = os.path.getsize(entrance) if os.path.exists(entrance) else 0
    if size > MOST_BYTES:
        found.append(f"README.md has {size} bytes, more than {MOST_BYTES}")
    for name, document in documents.items():
        lines = list(check_links(name, document, documents, set(files)))
        if not fnmatch.fnmatch(name, REPORTS) or name.endswith("/README.md"):
            lines += check_commands(document, bitsink, scripts)
            lines += check_files(document, files)
            lines += check_names(document, words)
        if name == "README.md":
            lines += check_entrance(read(entrance), bitsink)
        found += [f"{name}:{number}: {text}" for number, text in sorted(set(lines))]
    return found, len(documents)


def main(arguments):
    root, path = arguments
    bitsink = program(path)
    found, n = check(root, bitsink)
    if not n or not commands(bitsink):
        found.append("no documents, or no help: nothing was checked")
    print("\n".join([*found, f"{n} documents: " + ("see above" if found else "as the tree and the program are")]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
