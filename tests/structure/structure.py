#!/usr/bin/env python3
"""structure.py SOURCE OBJECTS [NM]: checks the rules of the design for the source tree.

  circle   no two object files of the libraries and programs call each other, also not by way of others
  folder   no two folders of host/ and cuda/ depend on each other (calls and #include), also not by way of others
  length   no source file has more than 400 lines
  name     no two files of any kind have one name, not even in other letters, but for those that a tool gives, and corpora
  include  kernels/ includes nothing from outside of it
  cost     what host/README.md says an addition costs: this many files name the example that it gives

SOURCE is the source tree, OBJECTS a file with the path of one object file a line, NM the program nm. Exceptions, with their
reasons, are in allowed.txt beside this script; one that nothing needs any more is a finding, too. Exit status: 0 nothing
found, 1 something, 77 nm is not there.
"""

import collections
import fnmatch
import os
import re
import shutil
import subprocess
import sys

MOST_LINES = 400
COMMON_NAMES = ("CMakeLists.txt", "README.md")
CORPUS = "tests/fuzz/corpus/"
SUFFIXES = (".c", ".h", ".cu", ".sql", ".sh", ".py", ".cmake")
FOLDERS = ("cuda", "host", "kernels", "schema", "scripts", "tests")
KINDS = ("circle", "folder", "length", "include")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# --- exceptions ---


class Allowed:
    """Lines "KIND: PATTERN...: REASON". used() marks those that were needed."""

    def __init__(self, text):
        self.lines = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split(":", 2)]
            if len(parts) != 3 or parts[0] not in KINDS or not parts[1] or not parts[2]:
                raise ValueError(f"allowed.txt:{number}: not 'KIND: FILE...: REASON' with a kind of {', '.join(KINDS)}")
            self.lines.append({"kind": parts[0], "patterns": parts[1].split(), "number": number, "used": False})

    def covers(self, kind, names):
        """True if one line of this kind covers all names."""
        for line in self.lines:
            if line["kind"] == kind and all(any(fnmatch.fnmatch(n, p) for p in line["patterns"]) for n in names):
                line["used"] = True
                return True
        return False

    def unused(self, files):
        """Lines that nothing needed, though some of their files are there."""
        for line in self.lines:
            there = [f for f in files[line["kind"]] if any(fnmatch.fnmatch(f, p) for p in line["patterns"])]
            if not line["used"] and there:
                yield f"allowed.txt:{line['number']}: nothing needs this exception any more; delete the line"


# --- circles ---


def components(graph):
    """Strongly connected components of {node: iterable of nodes} with more than one node (Tarjan, without recursion)."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, successors = work[-1]
            for next_node in successors:
                if next_node not in index:
                    index[next_node] = low[next_node] = len(index)
                    stack.append(next_node)
                    on_stack.add(next_node)
                    work.append((next_node, iter(sorted(graph.get(next_node, ())))))
                    break
                if next_node in on_stack:
                    low[node] = min(low[node], index[next_node])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    members = stack[at:]
                    del stack[at:]
                    on_stack.difference_update(members)
                    if len(members) > 1:
                        found.append(sorted(members))
    return found


def read_symbols(text):
    """Defined and undefined symbols by object file, from the output of `nm -A -P -g`."""
    defined, undefined = collections.defaultdict(set), collections.defaultdict(set)
    for line in text.splitlines():
        name, colon, rest = line.partition(": ")
        fields = rest.split()
        if not colon or len(fields) < 2:
            continue
        if fields[1] == "U":
            undefined[name].add(fields[0])
        elif fields[1].isupper() or fields[1] in "iu":
            defined[name].add(fields[0])
    return defined, undefined


def calls(defined, undefined, name_of):
    """{file: {file it calls: symbols}}. A symbol that several files define tells nothing."""
    owner, several = {}, set()
    for path, symbols in defined.items():
        for symbol in symbols:
            if symbol in owner:
                several.add(symbol)
            owner[symbol] = path
    graph = {name_of(path): {} for path in set(defined) | set(undefined)}
    for path, symbols in undefined.items():
        for symbol in sorted(symbols & owner.keys() - several):
            if owner[symbol] != path:
                graph[name_of(path)].setdefault(name_of(owner[symbol]), []).append(symbol)
    return graph


def some(words, most=4):
    words = sorted(words)
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def shortest(members, graph):
    """A way from one of the members back to itself that no other way is shorter than."""
    best = None
    for start in members:
        ways, seen = collections.deque([[start]]), set()
        while ways:
            way = ways.popleft()
            for other in sorted(graph[way[-1]]):
                if other == start and (not best or len(way) < len(best) - 1):
                    best = way + [start]
                if other in members and other not in seen:
                    seen.add(other)
                    ways.append(way + [other])
    return best


def describe(members, graph):
    yield "  such as " + " -> ".join(shortest(members, graph)) + "; all ways:"
    for name in members:
        for other, why in sorted(graph[name].items()):
            if other in members:
                yield f"  {name} -> {other}: {some(why)}"


def check_circles(graph, allowed):
    for members in components(graph):
        if not allowed.covers("circle", members):
            yield f"{len(members)} files call each other in a circle:"
            yield from describe(members, graph)


def check_folders(graph, includes, allowed):
    """Edges between folders, of which a file may be excepted ("folder: FILE: ...")."""
    folders = collections.defaultdict(lambda: collections.defaultdict(set))
    for edges in (graph, includes):
        for name, others in edges.items():
            for other in others:
                a, b = os.path.dirname(name), os.path.dirname(other)
                if a != b and a.split("/")[0] in ("host", "cuda") and b.split("/")[0] in ("host", "cuda"):
                    folders[a][b].add(name)
    kept = {folder: {} for folder in list(folders) + [b for others in folders.values() for b in others]}
    for a, others in folders.items():
        for b, names in others.items():
            left = {n for n in names if not allowed.covers("folder", [n])}
            if left:
                kept[a][b] = left
    for members in components(kept):
        yield f"{len(members)} folders depend on each other in a circle:"
        yield from describe(members, kept)


# --- files ---


def all_files(root):
    """Files of this project, relative to its root: what git knows, or, without git, all that lies there."""
    if os.path.exists(os.path.join(root, ".git")):
        names = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True, check=False)
        if names.returncode == 0 and names.stdout:
            return sorted(n for n in names.stdout.split("\0") if n and os.path.isfile(os.path.join(root, n)))
    names = [n for n in os.listdir(root) if os.path.isfile(os.path.join(root, n)) and not n.startswith(".")]
    for top in FOLDERS:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders[:] = [f for f in folders if not f.startswith((".", "__"))]
            names += [os.path.relpath(os.path.join(folder, f), root) for f in files]
    return sorted(names)


def check_names(names):
    places = collections.defaultdict(list)
    for name in names:
        if os.path.basename(name) not in COMMON_NAMES and not name.startswith(CORPUS):
            places[os.path.basename(name).lower()].append(name)
    for same in places.values():
        if len(same) > 1:
            yield "files of one name: " + ", ".join(same)


def check_lengths(texts, allowed):
    for name, text in texts.items():
        lines = text.count("\n")
        if lines > MOST_LINES and not allowed.covers("length", [name]):
            yield f"{name} has {lines} lines, more than {MOST_LINES}"


def read_includes(texts):
    """{file: {file of this project that it includes}}; quoted names that are not of this project are left out."""
    graph = {}
    for name, text in texts.items():
        if not name.endswith((".c", ".h", ".cu")):
            continue
        graph[name] = set()
        for wanted in re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text, re.M):
            for folder in (os.path.dirname(name), "host", "kernels", ""):
                candidate = os.path.normpath(os.path.join(folder, wanted))
                if candidate in texts:
                    graph[name].add(candidate)
                    break
    return graph


def check_kernels(includes, allowed):
    for name, others in sorted(includes.items()):
        for other in sorted(others):
            if name.startswith("kernels/") and not other.startswith("kernels/"):
                if not allowed.covers("include", [name]):
                    yield f"{name} includes {other}, from outside of kernels/"


def check_costs(texts, table):
    """Rows "| addition | files | `pattern` of an example |" of the table; a bar in a pattern is written \\|."""
    section = table.partition("## What an addition costs\n")[2] or table
    lines = [line for line in section.splitlines() if line.startswith("|") and not re.match(r"\|( addition |-)", line)]
    if table and not lines:
        yield "host/README.md has no table of what additions cost"
    rows = []
    for line in lines:
        row = re.fullmatch(r"\| ([^|]+) \| (\d+) \| `(.+)` \|", line)
        if row:
            rows.append(row.groups())
        else:
            yield f"host/README.md: not '| addition | files | `pattern` |': {line}"
    for what, files, pattern in rows:
        named = [name for name, text in texts.items()
                 if name.split("/")[0] in ("host", "kernels", "cuda", "schema") and name.endswith((".c", ".h", ".cu", ".sql"))
                 and re.search(pattern.replace("\\|", "|"), text, re.I)]
        if len(named) != int(files):
            yield f"host/README.md: '{what}' costs {files} files, but {len(named)} name {pattern}: {some(named, 20)}"


# --- all of it ---


def object_name(path):
    """host/base/buf.c of build/CMakeFiles/bitsink_core.dir/host/base/buf.c.o."""
    return os.path.normpath(re.sub(r"^.*\.dir/|\.o$", "", path))


def check(root, nm_output, allowed):
    """All findings, as lines."""
    files = all_files(root)
    texts = {name: read(os.path.join(root, name)) for name in files if name.endswith(SUFFIXES)}
    includes = read_includes(texts)
    manual = os.path.join(root, "host", "README.md")
    graph = calls(*read_symbols(nm_output), object_name)
    found = [
        *check_circles(graph, allowed),
        *check_folders(graph, includes, allowed),
        *check_lengths(texts, allowed),
        *check_names(files),
        *check_kernels(includes, allowed),
        *check_costs(texts, read(manual) if os.path.exists(manual) else ""),
    ]
    found += allowed.unused({"circle": list(graph), "folder": list(graph), "length": list(texts), "include": list(texts)})
    return found, f"{len(graph)} object files, {len(texts)} source files"


def run_nm(nm, objects):
    if not objects:
        return ""
    return subprocess.run([nm, "-A", "-P", "-g", *objects], capture_output=True, text=True, check=True).stdout


def main(arguments):
    root, listed = arguments[:2]
    nm = arguments[2] if len(arguments) > 2 else "nm"
    if not shutil.which(nm):
        print(f"skipped: no {nm}")
        return 77
    objects = [line for line in read(listed).splitlines() if line.endswith(".o")]
    output = run_nm(nm, objects)
    allowed = Allowed(read(os.path.join(os.path.dirname(os.path.abspath(__file__)), "allowed.txt")))
    found, counted = check(root, output, allowed)
    if not objects or not output:
        found.append(f"{listed} names no objects, or they have no symbols: nothing was checked")
    print("\n".join([*found, f"{counted}: " + ("see above" if found else "as the design asks")]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
