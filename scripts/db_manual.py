#!/usr/bin/env python3
"""db_manual.py [PART]: prints a part of the reference in schema/bitsink-db.5.md, made from the SQL; else the parts' names.

The meaning of a table, a view or a column is written once: as a comment in schema/*.sql. scripts/docs.sh copies those
comments into the manual with this script; the parts are tables, views and settings.

    -- First sentence: what `bitsink bn DB` prints.      A comment directly above CREATE describes the table or view.
    -- More sentences: only in the manual.
    CREATE VIEW example AS
    SELECT a.x,        -- meaning of x                   A comment after a column describes all columns that end on its line.
           a.low AS y_low, -- its bounds                 It may go on in lines of its own. Where y_low has a comment, y_high
           a.high AS y_high                              may do without: it is the other bound.

A table, view or column without a comment is an error.
"""

import os
import re
import sqlite3
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCHEMA = os.path.join(ROOT, "schema")
WIDTH = 80

# Files of schema/ whose objects are in a result file (exact.sql: which `bitsink bn` makes), and what they are about.
TABLES = {
    "tables": "Facts",
    "settings": "Settings, and counts by bit position",
}
VIEWS = {
    "outcome": "Outcomes of trials",
    "fault_kind": "Kinds of faults",
    "number_type": "Types of values",
    "rates": "Rates of outcomes",
    "accuracy": "Accuracy: by probability of a fault, by operation, by bit error rate",
    "ranking": "Raw rankings of classes",
    "exact": "Exact bounds",
    "sinks": "Sinks, and rates by bit position",
    "bayes": "The Bayesian network: settings and priors",
    "conditional": "The Bayesian network: answers given a layer",
    "trust": "The Bayesian network: answers and trust",
    "inference": "The Bayesian network: images and the joint distribution",
    "rerun": "Running again",
    "severity": "Severity",
    "failure_rate": "Failure rates",
}
# Their objects are temporary: a part of one command each, and none of the file.
TEMPORARY = {"bif", "bits", "check", "defaults", "fault_wrong", "findings", "query", "report"}


class Mistake(Exception):
    pass


# --- reading SQL ---

TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|\w+|\s+|.", re.S)
CREATE = re.compile(r"^CREATE (TEMP )?(TABLE|VIEW) (?:IF NOT EXISTS )?(\w+)[^\n;]*", re.M)
NO_COLUMN = {"PRIMARY", "CHECK", "UNIQUE", "FOREIGN"}


class Thing:
    """A table or view: kind, name, comment (lines), columns ([(names, comment)])."""

    def __init__(self, kind, name, comment, columns):
        self.kind, self.name, self.comment, self.columns = kind, name, comment, columns


def tokens(text):
    """(text, line, parentheses around it) of each token that is no space."""
    line = depth = 0
    for token in TOKEN.findall(text):
        depth -= token == ")"
        if not token.isspace():
            yield token, line, depth
        depth += token == "("
        line += token.count("\n")


def column_list(text, is_table):
    """The tokens of the column definitions of a table, or of the first SELECT of a view that stands in no parentheses; those
    of its comments; the nesting of commas between columns."""
    words, comments, inside, level = [], [], False, 1 if is_table else 0
    for token, line, depth in tokens(text):
        if token.startswith("--"):
            if inside:
                comments.append((line, token[2:].strip()))
        elif is_table and depth == 0 and token == "(":
            inside = True
        elif not is_table and depth == 0 and token == "SELECT" and not words:
            inside = True
        elif inside and depth == 0 and token == (")" if is_table else "FROM"):
            inside = False
            last = line
        elif inside:
            words.append((token, line, depth))
    # A comment after the last column of a table may stand in lines of its own, before the parenthesis that ends the list.
    return words, [c for c in comments if c[0] <= last], level


def split_columns(words, level, is_table):
    """[(name, line in which it ends)]"""
    columns, item = [], []
    for token, line, depth in words + [(",", -1, level)]:
        if token != "," or depth != level:
            item.append((token, line))
        elif item:
            name = item[0][0] if is_table else item[-1][0]
            if name not in NO_COLUMN:
                columns.append((name.strip('"'), max(line, item[-1][1])))
            item = []
    return columns


def comment_by_line(words, comments):
    """{line of code: comment that starts after it, or in the line below}, each with the lines of its own that follow."""
    code = {line for _, line, _ in words}
    found, home, before = {}, None, None
    for line, text in comments:
        if line in code:
            home = line
        elif before != line - 1:
            home = line - 1
        found[home] = (found.get(home, "") + " " + text).strip()
        before = line
    return found


def other_bound(name):
    """The lower bound that `name` is the upper one of, or None."""
    for low, high in (("low", "high"), ("lower", "upper")):
        if name == high or name.endswith("_" + high):
            return name[: -len(high)] + low
    return None


def describe_columns(where, text, is_table):
    """[([name, ...], comment)]; columns that stand in one line share a comment."""
    words, comments, level = column_list(text, is_table)
    said = comment_by_line(words, comments)
    described = []
    before = None
    for name, end in split_columns(words, level, is_table):
        comment = said.get(end)
        if described and comment and before == end:
            described[-1][0].append(name)
        elif comment:
            described.append(([name], comment))
        elif described and other_bound(name) == described[-1][0][-1]:
            described[-1][0].append(name)
        else:
            raise Mistake(f"{where}: column {name} has no comment")
        before = end
    return described


def comment_above(text, place):
    """Lines of the comment that ends directly before `place`."""
    lines = []
    for line in reversed(text[:place].splitlines()):
        if not line.startswith("--"):
            break
        lines.insert(0, line[2:].removeprefix(" ").rstrip())
    return lines


def head(text):
    """Lines of the comment that a file starts with, if an empty line follows it."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            return lines if not line else []
        lines.append(line[2:].removeprefix(" ").rstrip())
    return []


def statement(text, place):
    """From `place` to the semicolon that ends the statement."""
    end = place
    for token in TOKEN.findall(text[place:]):
        end += len(token)
        if token == ";":
            break
    return text[place:end]


def things(name, text):
    """The tables and views that a file of SQL makes."""
    found = []
    for match in CREATE.finditer(text):
        where = f"schema/{name}.sql: {match[2].lower()} {match[3]}"
        comment = comment_above(text, match.start())
        if not comment:
            raise Mistake(f"{where} has no comment")
        if "." not in " ".join(comment):
            raise Mistake(f"{where}: its comment has no sentence that ends in a full stop")
        columns = describe_columns(where, statement(text, match.start()), match[2] == "TABLE")
        found.append(Thing(match[2].lower(), match[3], comment, columns))
    return found


def plain(text):
    """SQL that SQLite takes: with a number for each formula."""
    text = text.replace("@fault_kinds", "('', 0, 0, 0, '', '')").replace("@number_types", "('', 0, 0, 0, 0, 0)")
    return re.sub(r"@\w+\([^()]*\)", "1.0", text)


def open_schema(texts):
    """A database in memory with the tables and views of all texts."""
    db = sqlite3.connect(":memory:")
    for function, arguments in (("sqrt", 1), ("ln", 1), ("exp", 1), ("pow", 2)):
        db.create_function(function, arguments, lambda *_: None)  # its name is enough
    for text in texts.values():
        db.executescript(plain(text))
    return db


def check_columns(db, thing):
    """What was read is what SQLite reads."""
    mine = [name for names, _ in thing.columns for name in names]
    real = [row[1] for row in db.execute(f"PRAGMA table_xinfo({thing.name})")]
    if mine != real:
        raise Mistake(f"{thing.kind} {thing.name}: its columns are {', '.join(real)}; read were {', '.join(mine)}")


# --- writing the manual ---


# Words that would begin a list, a heading or a quotation at the start of a line; names of columns and of numbers.
BEGINS_BLOCK = re.compile(r"[-+*#]$|>|\d+[.)]$")
NAME = re.compile(r"`[^`]*`|\b(?:\w+\.)?\w*[a-zA-Z0-9]_\w*(?:\.\w+)?|\b(?:entry|layer|image|class|run|trial|stratum|campaign)\.[a-z]\w+")


def fill(text, first="", rest=""):
    """A paragraph of lines of at most WIDTH characters, in which names are code."""
    words = NAME.sub(lambda m: m[0] if m[0][0] == "`" else f"`{m[0]}`", text).split()
    lines = [first + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > WIDTH and not BEGINS_BLOCK.match(word):
            lines.append(rest + word)
        else:
            lines[-1] += " " + word
    return "\n".join(lines)


def blocks(lines):
    """Markdown of a comment: paragraphs, lists (lines that start with "* ") and, indented by four, formulas."""
    out, text, first, rest = [], [], "", ""

    def flush():
        if text:
            out.append(fill(" ".join(text), first, rest))
            text.clear()

    for line in lines:
        if line.startswith("    "):
            flush()
            if out and out[-1] and not out[-1].startswith("    "):
                out.append("")
            out.append(line)
            first = rest = ""
        elif line.startswith("* "):
            flush()
            if out and out[-1] and not out[-1].startswith("- "):
                out.append("")
            first, rest = "- ", "  "
            text.append(line[2:])
        elif not line:
            flush()
            out.append("")
            first = rest = ""
        elif not line.startswith("  ") and first:
            flush()
            out.append("")
            first = rest = ""
            text.append(line)
        else:
            if not text and out and out[-1].startswith("    "):
                out.append("")
            text.append(line.strip())
    flush()
    return out


def reference(files, read):
    """The part of the manual about these files."""
    out = []
    for name, subject in files.items():
        text, made = read[name]
        out += [f"## {subject}", ""]
        if head(text):
            out += blocks(head(text)) + [""]
        for thing in made:
            out += [f"### {thing.name}", ""] + blocks(thing.comment) + [""]
            for names, comment in thing.columns:
                out.append(fill(", ".join(f"`{n}`" for n in names) + ": " + comment, "- ", "  "))
            out.append("")
    return "\n".join(out)


def settings(db):
    """The part about settings: name, default, meaning."""
    out = []
    for name, value, comment in db.execute("SELECT name, value, comment FROM bn_parameter ORDER BY rowid"):
        if not comment.strip():
            raise Mistake(f"schema/defaults.sql: setting {name} has no comment")
        out.append(fill(f"`{name}` ({value}): {comment}", "- ", "  "))
    return "\n".join(out) + "\n"


def read_files():
    """{name: text of schema/NAME.sql} of all files whose objects are described, and of the default settings; what they make."""
    names = {f[:-4] for f in os.listdir(SCHEMA) if f.endswith(".sql")}
    strange = names ^ (set(TABLES) | set(VIEWS) | TEMPORARY)
    if strange:
        raise Mistake(f"{', '.join(sorted(strange))}: schema/ and the lists of {sys.argv[0]} differ")
    texts, read = {}, {}
    for name in [*TABLES, *VIEWS]:
        with open(os.path.join(SCHEMA, name + ".sql"), encoding="utf-8") as file:
            texts[name] = file.read()
        read[name] = (texts[name], things(name, texts[name]))
    with open(os.path.join(SCHEMA, "defaults.sql"), encoding="utf-8") as file:
        texts["defaults"] = file.read()
    return texts, read


def parts():
    """{name: text} of all generated parts."""
    texts, read = read_files()
    db = open_schema(texts)
    described = {thing.name for _, made in read.values() for thing in made}
    present = db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
                         "UNION SELECT name FROM sqlite_temp_master WHERE type IN ('table', 'view')")
    missed = {name for name, in present} ^ described
    if missed:
        raise Mistake(f"{', '.join(sorted(missed))}: not found in the text, which wants CREATE at the start of a line")
    for _, made in read.values():
        for thing in made:
            check_columns(db, thing)
    return {"tables": reference(TABLES, read), "views": reference(VIEWS, read), "settings": settings(db)}


def main(arguments):
    try:
        generated = parts()
    except Mistake as mistake:
        sys.exit(f"error: {mistake}")
    if not arguments:
        print("\n".join(generated))
        return
    if len(arguments) != 1 or arguments[0] not in generated:
        sys.exit(__doc__)
    print(generated[arguments[0]].rstrip("\n"))


if __name__ == "__main__":
    main(sys.argv[1:])
