#!/usr/bin/env python3
"""Proves that structure.py finds what it looks for and nothing else, in made-up trees with the output of a made-up nm."""

import contextlib
import io
import os
import tempfile
import unittest

import structure

ALONE = "o.dir/host/a/one.c.o: one T 0 0\no.dir/host/b/two.c.o: two T 0 0\no.dir/host/b/two.c.o: one U\n"
CIRCLE = ALONE + "o.dir/host/a/one.c.o: two U\n"


def found(files, nm="", allowed=""):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return structure.check(root, nm, structure.Allowed(allowed))[0]


class Circles(unittest.TestCase):
    def test_one_way_is_none(self):
        self.assertEqual(found({}, ALONE), [])

    def test_two_files(self):
        lines = found({}, CIRCLE, "folder: host/a/one.c: a reason\n")
        self.assertEqual(lines[0], "2 files call each other in a circle:")
        self.assertEqual(lines[1], "  such as host/a/one.c -> host/b/two.c -> host/a/one.c; all ways:")
        self.assertIn("  host/a/one.c -> host/b/two.c: two", lines)
        self.assertIn("  host/b/two.c -> host/a/one.c: one", lines)

    def test_three_files_and_a_bystander(self):
        graph = {"a": ["b"], "b": ["c", "x"], "c": ["a"], "x": [], "y": ["a"]}
        self.assertEqual(structure.components(graph), [["a", "b", "c"]])

    def test_two_circles_that_touch_one_way(self):
        graph = {"a": ["b"], "b": ["a", "c"], "c": ["d"], "d": ["c"]}
        self.assertEqual(sorted(structure.components(graph)), [["a", "b"], ["c", "d"]])

    def test_what_several_define_tells_nothing(self):
        nm = CIRCLE + "o.dir/host/c/three.c.o: two W 0 0\n"
        self.assertEqual(found({}, nm), [])

    def test_a_weak_reference_is_no_call(self):
        self.assertEqual(found({}, ALONE + "o.dir/host/a/one.c.o: two w\n"), [])

    def test_allowed(self):
        self.assertEqual(found({}, CIRCLE, "circle: host/a/* host/b/*: why\nfolder: host/a/one.c: why\n"), [])

    def test_not_all_of_the_circle_is_allowed(self):
        self.assertIn("2 files call each other in a circle:", found({}, CIRCLE, "circle: host/a/*: why\n"))


    def test_the_shortest_way_around_is_shown(self):
        graph = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["c"]}
        self.assertEqual(structure.shortest(["a", "b", "c", "d"], graph), ["c", "d", "c"])

    def test_names_of_objects(self):
        self.assertEqual(structure.object_name("/b.dir/CMakeFiles/core.dir/./host/a/b.c.o"), "host/a/b.c")


class Folders(unittest.TestCase):
    def test_by_calls(self):
        nm = ALONE + "o.dir/host/a/other.c.o: two U\n"  # no circle of files
        lines = found({}, nm)
        self.assertEqual(lines[0], "2 folders depend on each other in a circle:")
        self.assertIn("  host/a -> host/b: host/a/other.c", lines)

    def test_by_includes(self):
        files = {"host/a/a.h": '#include "b/b.h"\n', "host/b/b.h": "", "host/b/c.c": '#  include "a/a.h"\n'}
        self.assertEqual(found(files)[0], "2 folders depend on each other in a circle:")

    def test_tests_do_not_count(self):
        files = {"host/a/a.h": "", "tests/t.c": '#include "a/a.h"\n', "host/a/b.c": '#include "../../tests/t.h"\n',
                 "tests/t.h": ""}
        self.assertEqual(found(files), [])


class Files(unittest.TestCase):
    def test_length(self):
        for name in ("host/a/a.c", "tests/b/c.py", "schema/d.sql", "scripts/e.sh", "cuda/f.cmake", "kernels/g.cu", "tests/h.h"):
            self.assertEqual(found({name: "x\n" * 400}), [])
            self.assertEqual(found({name: "x\n" * 401}), [f"{name} has 401 lines, more than 400"])
        self.assertEqual(found({"tests/long.txt": "x\n" * 500}), [])

    def test_names(self):
        self.assertEqual(found({"host/a/one.c": "", "cuda/one.h": "", "tests/two.c": ""}), [])
        for other in ("one.c", "tests/b/one.c", "scripts/ONE.c"):
            names = ", ".join(sorted(("host/a/one.c", other)))
            self.assertEqual(found({"host/a/one.c": "", other: ""}), [f"files of one name: {names}"])
        self.assertEqual(found({"tests/jobs/a.yaml": "", "tests/crash/a.yaml": ""}),
                         ["files of one name: tests/crash/a.yaml, tests/jobs/a.yaml"])

    def test_names_that_may_be_the_same(self):
        self.assertEqual(found({"README.md": "", "tests/gpu/README.md": "", "CMakeLists.txt": "", "tests/CMakeLists.txt": "",
                                "tests/fuzz/corpus/a/empty": "", "tests/fuzz/corpus/b/empty": ""}), [])

    def test_kernels(self):
        files = {"kernels/a.h": '#include "b.h"\n#include <math.h>\n#include "model/m.h"\n', "kernels/b.h": "",
                 "host/model/m.h": ""}
        self.assertEqual(found(files), ["kernels/a.h includes host/model/m.h, from outside of kernels/"])


class Costs(unittest.TestCase):
    TREE = {"kernels/list.h": "X(HARD, hard)\n", "host/a.c": "run_hard();\n", "tests/t.c": "hard\n", "cuda/b.c": "soft\n"}

    def test_as_said(self):
        table = "| addition | files | found by |\n|---|---|---|\n| an operator | 2 | `X.HARD\\|run_hard` |\n"
        self.assertEqual(found({**self.TREE, "host/README.md": table}), [])

    def test_more_or_less_than_said(self):
        lines = found({**self.TREE, "host/README.md": "| an operator | 3 | `hard` |\n"})
        self.assertEqual(lines, ["host/README.md: 'an operator' costs 3 files, but 2 name hard: host/a.c, kernels/list.h"])

    def test_a_row_that_cannot_be_read(self):
        table = "| addition | files | found by |\n|---|---|---|\n| an operator | 2 | `hard` |\n| another | two | `hard` |\n"
        self.assertEqual(found({**self.TREE, "host/README.md": table}),
                         ["host/README.md: not '| addition | files | `pattern` |': | another | two | `hard` |"])

    def test_other_rows_that_cannot_be_read(self):
        for row in ("| a command | 2 | hard |", "|a command|2|`hard`|", "| a | command | 2 | `hard` |"):
            self.assertEqual(len(found({**self.TREE, "host/README.md": row + "\n"})), 1)

    def test_no_table(self):
        self.assertEqual(found({"host/README.md": "# Inside\n"}), ["host/README.md has no table of what additions cost"])


class Program(unittest.TestCase):
    """The program itself, with a nm that prints `symbols`."""

    def run_with(self, symbols, objects="x.dir/host/a/one.c.o\n"):
        with tempfile.TemporaryDirectory() as root:
            paths = {}
            for name, text in (("nm", f"#!/bin/sh\ncat <<'.'\n{symbols}.\n"), ("objects", objects)):
                paths[name] = os.path.join(root, name)
                with open(paths[name], "w", encoding="utf-8") as file:
                    file.write(text)
            os.chmod(paths["nm"], 0o755)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                status = structure.main([root, paths["objects"], paths["nm"]])
            return status, out.getvalue()

    def test_status_and_output(self):
        self.assertEqual(self.run_with(ALONE), (0, "2 object files, 0 source files: as the design asks\n"))
        status, out = self.run_with(CIRCLE)
        self.assertEqual((status, out.splitlines()[0]), (1, "2 files call each other in a circle:"))

    def test_nothing_checked_is_no_success(self):
        self.assertEqual(self.run_with("")[0], 1)
        self.assertEqual(self.run_with(ALONE, "")[0], 1)

    def test_no_nm_is_skipped(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(structure.main(["/nowhere", "/nowhere", "/nowhere/nm"]), 77)


class Exceptions(unittest.TestCase):
    def test_unused_ones_are_found(self):
        self.assertIn("allowed.txt:1: nothing needs this", found({"host/a.c": ""}, "", "length: host/a.c: why\n")[0])
        self.assertIn("allowed.txt:2: nothing needs this", found({}, ALONE, "\ncircle: host/a/*: why\n")[0])

    def test_those_of_files_that_are_not_built_are_not(self):
        self.assertEqual(found({}, ALONE, "circle: cuda/*: why\n"), [])

    def test_a_reason_is_needed(self):
        for line in ("length: a.c", "length: a.c:", "lenght: a.c: why", "circle: : why"):
            self.assertRaises(ValueError, structure.Allowed, line)


if __name__ == "__main__":
    unittest.main()
