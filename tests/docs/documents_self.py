#!/usr/bin/env python3
"""That documents.py finds what it looks for, and nothing else: in made-up trees, with the help of a made-up bitsink."""

import contextlib
import io
import os
import tempfile
import unittest

import documents

HELP = {
    (): "usage: bitsink COMMAND\n\n  run    run a campaign\n  check  hold rates against limits\n\n  help [COMMAND], --version\n",
    ("run",): "bitsink run - run\n\nusage: bitsink run [OPTION...] JOB\n\noptions:\n  --db FILE   result file\n  --self-test WHEN\n",
    ("check",): "usage: bitsink check DB\n\n  --max NAME=LIMIT\n",
    ("job",): "The job file.\n",
    ("--region", "operators"): "Conv, Gemm,\nRelu.\n",
}


def run(words):
    text = HELP.get(tuple(words[1:])) if words[:1] == ["help"] else None
    return (2, "") if text is None else (0, text)


def write(root, files):
    for name, text in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def found(files):
    with tempfile.TemporaryDirectory() as root:
        write(root, files)
        return documents.check(root, documents.Program(run))[0]


def in_readme(text, files=()):
    """What is found in a README.md of this text."""
    return found({**dict(files), "README.md": text})


class Size(unittest.TestCase):
    def test_the_entrance(self):
        self.assertEqual(in_readme("x" * 10000), [])
        self.assertEqual(in_readme("x" * 10001), ["README.md has 10001 bytes, more than 10000"])

    def test_bytes_count_not_letters(self):
        self.assertEqual(len(in_readme("ü" * 5001)), 1)

    def test_others_may_be_long(self):
        self.assertEqual(found({"host/README.md": "x" * 10001}), [])


class Entrance(unittest.TestCase):
    def test_number_of_operators(self):
        self.assertEqual(in_readme("It has 3 operators.\n"), [])
        self.assertEqual(in_readme("\nIt has 4 operators.\n"), ["README.md:2: says 4 operators, the program has 3"])
        self.assertEqual(found({"host/README.md": "4 operators\n"}), [])

    def test_every_command(self):
        self.assertEqual(in_readme("## Commands\n\n`bitsink run`, `bitsink check`\n"), [])
        self.assertEqual(in_readme("\n## Commands\n\n`bitsink run`\n"), ["README.md:2: does not name the command 'bitsink check'"])


class Links(unittest.TestCase):
    def test_files_and_folders(self):
        files = {"host/a/b.md": "[up](../../README.md) [same](b.md) [folder](../a) [folder](/../)\n", "README.md": "[a](host/a/b.md)\n"}
        self.assertEqual(found(files), ["host/a/b.md:1: link to '/../', which is not there"])

    def test_missing_ones_with_their_line(self):
        lines = in_readme("one\n\ntwo\nthree [x\ny](no.md) ![picture](no.png)\n")
        self.assertEqual(lines, ["README.md:5: link to 'no.md', which is not there", "README.md:5: link to 'no.png', which is not there"])

    def test_reference_links(self):
        self.assertEqual(in_readme("see [x][1]\n\n[1]: no.md\n"), ["README.md:3: link to 'no.md', which is not there"])

    def test_others_are_not_ours(self):
        self.assertEqual(in_readme("[x](https://example.org/no.md) [y](mailto:me@example.org)\n"), [])

    def test_anchors(self):
        files = {"a.md": "# One `two` & three: [four](a.md)\n"}
        self.assertEqual(in_readme("[x](a.md#one-two--three-four) [y](#here)\n\n## Here\n", files), [])
        self.assertEqual(in_readme("[x](a.md#two)\n", files), ["README.md:1: link to 'a.md#two', but no heading there makes this anchor"])
        self.assertEqual(len(in_readme("[y](#there)\n\n## Here\n")), 1)

    def test_no_headings_in_code(self):
        self.assertEqual(len(in_readme("[y](#here)\n\n```\n# Here\n```\n")), 1)

    def test_no_links_in_code(self):
        self.assertEqual(in_readme("`[x](no.md)`\n\n```\n[x](no.md)\n```\n\n    [x](no.md)\n"), [])


class Commands(unittest.TestCase):
    def test_those_that_are_there(self):
        self.assertEqual(in_readme("`bitsink run --db r.db job.yaml` `bitsink help run` `bitsink help job` `bitsink --version` `bitsink COMMAND`\n"), [])

    def test_a_command(self):
        self.assertEqual(in_readme("and `bitsink walk`\n"), ["README.md:1: bitsink has no command 'walk'"])

    def test_a_topic_is_no_command(self):
        self.assertEqual(in_readme("`bitsink job`\n"), ["README.md:1: bitsink has no command 'job'"])

    def test_help(self):
        self.assertEqual(in_readme("`bitsink help walk`\n"), ["README.md:1: 'bitsink help walk' has no such help"])

    def test_an_option(self):
        self.assertEqual(in_readme("`build/bitsink check r.db --db x`\n"), ["README.md:1: 'bitsink check' has no option --db"])
        self.assertEqual(in_readme("`bitsink run --self`\n"), ["README.md:1: 'bitsink run' has no option --self"])
        self.assertEqual(in_readme("`bitsink --verbose`\n"), ["README.md:1: 'bitsink --verbose' is not in its help"])

    def test_blocks(self):
        text = "```sh\nA=1 bitsink run x \\\n    --wrong y >out; cd z && nice bitsink check --max a=1 | less --no\n```\n\n    $ bitsink walk\n"
        self.assertEqual(in_readme(text), ["README.md:2: 'bitsink run' has no option --wrong", "README.md:6: bitsink has no command 'walk'"])

    def test_a_span_over_two_lines(self):
        self.assertEqual(in_readme("one\n`bitsink\nwalk`\n"), ["README.md:2: bitsink has no command 'walk'"])

    def test_what_is_no_call(self):
        self.assertEqual(in_readme("`tests/x build/bitsink full` and bitsink walk\n"), [])

    def test_options_by_themselves(self):
        files = {"scripts/a.sh": "tar --fast\n"}
        self.assertEqual(in_readme("`--max NAME=1`, `--db`, `--fast`\n", files), [])
        self.assertEqual(in_readme("`--faster`\n", files), ["README.md:1: no command of bitsink and no script has an option --faster"])

    def test_indented_lines_of_a_list_are_text(self):
        self.assertEqual(in_readme("- one\n\n- two\n    bitsink walk\n"), [])


class Names(unittest.TestCase):
    FILES = {"host/a/one.c": "bs_one(void); BS_LIST\n", "host/a/lower_x.c": "getenv(\"BITSINK_ONE\")\n", "tests/jobs/j.yaml": "x\n"}

    def test_files(self):
        text = "`host/a/one.c` `a/one.c`, `one.c`: `../a/one.c`; `host/a/lower_*.c` `lower_FAMILY.c` `tests/jobs/j.yaml` `job.yaml`\n"
        self.assertEqual(in_readme(text, self.FILES), [])

    def test_files_that_are_not_there(self):
        self.assertEqual(in_readme("`a/two.c`\n", self.FILES), ["README.md:1: names the file 'a/two.c', which is not there"])
        self.assertEqual(in_readme("`two_*.c` `tests/jobs/k.yaml`\n", self.FILES),
                         ["README.md:1: names the file 'tests/jobs/k.yaml', which is not there", "README.md:1: names the file 'two_*.c', which is not there"])

    def test_files_of_blocks(self):
        self.assertEqual(in_readme("```\nhost/a/two.c other.c build/x.c\n```\n", self.FILES),
                         ["README.md:2: names the file 'host/a/two.c', which is not there"])

    def test_what_is_built_is_no_source(self):
        self.assertEqual(in_readme("`build/bundle/x.sh`\n", self.FILES), [])

    def test_names(self):
        self.assertEqual(in_readme("`getenv()` and `two(x)`, two()\n", self.FILES), [])
        self.assertEqual(in_readme("`two()`\n", self.FILES), ["README.md:1: names 'two', which is nowhere in the sources"])
        self.assertEqual(in_readme("`bs_one()` `BS_LIST` `BITSINK_ONE=1` `bs_NAME`\n", self.FILES), [])
        self.assertEqual(in_readme("`bs_on()` and `BS_LISTS`\n\n    BITSINK_TWO=1 x\n", self.FILES),
                         ["README.md:1: names 'BS_LISTS', which is nowhere in the sources",
                          "README.md:1: names 'bs_on', which is nowhere in the sources",
                          "README.md:3: names 'BITSINK_TWO', which is nowhere in the sources"])

    def test_reports_of_machines_may_be_old(self):
        text = "`bitsink walk` `two.c` `bs_two()` [x](no.md)\n"
        self.assertEqual(found({"tests/gpu/h.md": text}), ["tests/gpu/h.md:1: link to 'no.md', which is not there"])
        self.assertEqual(len(found({"tests/gpu/README.md": text})), 4)

    def test_builds_and_reports_are_no_documents(self):
        self.assertEqual(found({"build-x/a.md": "[x](no.md)\n", "demo-report/a.md": "[x](no.md)\n", ".x/a.md": "[x](no.md)\n"}), [])


class Whole(unittest.TestCase):
    """The program itself, with a bitsink that prints the help above."""

    def run_with(self, files, script):
        with tempfile.TemporaryDirectory() as root:
            write(root, files)
            path = os.path.join(root, "build")
            os.mkdir(path)
            path = os.path.join(path, "bitsink")
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n" + script)
            os.chmod(path, 0o755)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                status = documents.main([root, path])
            return status, out.getvalue()

    GOOD = "[ \"$1$3\" = help ] && echo '  run    x' && echo 'usage: bitsink run'\n"

    def test_status_and_output(self):
        self.assertEqual(self.run_with({"README.md": "`bitsink run`\n"}, self.GOOD), (0, "1 documents: as the tree and the program are\n"))
        status, out = self.run_with({"README.md": "[x](no.md)\n"}, self.GOOD)
        self.assertEqual((status, out.splitlines()[0]), (1, "README.md:1: link to 'no.md', which is not there"))

    def test_nothing_checked_is_no_success(self):
        self.assertEqual(self.run_with({}, self.GOOD)[0], 1)
        self.assertEqual(self.run_with({"README.md": "x\n"}, "exit 1\n")[0], 1)


if __name__ == "__main__":
    unittest.main()
