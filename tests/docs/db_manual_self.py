#!/usr/bin/env python3
"""Tests of scripts/db_manual.py: what it reads from comments in SQL, and what it refuses."""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import db_manual

TABLE = """-- Things, one a row. More
-- about them.
CREATE TABLE thing (
    id INTEGER PRIMARY KEY,  -- number of the thing
    a REAL, b REAL CHECK (b IN (1, 2)), -- two values
    c TEXT NOT NULL
        DEFAULT ',',         -- its text, which
                             -- goes on
    CHECK (a > b)
);
"""
VIEW = """-- Rates of things.
CREATE VIEW rate AS
WITH part AS (
    SELECT id, a -- none of the view
      FROM thing
)
SELECT p.id,                        -- thing.id
       CASE WHEN p.a > 0 THEN 1     -- none of a column
            ELSE max(p.a, 2) END
           AS share,                -- its share
       p.a AS share_low,            -- its bounds
       p.a AS share_high,
       (SELECT c FROM thing) AS c   -- a text
  FROM part p
UNION ALL SELECT 1, 2, 3, 4, 5;
"""


def read(text):
    return db_manual.things("test", text)


def columns(text):
    return [(", ".join(names), comment) for names, comment in read(text)[0].columns]


class Comments(unittest.TestCase):
    def test_table(self):
        self.assertEqual(read(TABLE)[0].comment, ["Things, one a row. More", "about them."])
        self.assertEqual(columns(TABLE), [("id", "number of the thing"), ("a, b", "two values"), ("c", "its text, which goes on")])

    def test_view(self):
        self.assertEqual(columns(VIEW), [("id", "thing.id"), ("share", "its share"), ("share_low, share_high", "its bounds"),
                                         ("c", "a text")])

    def test_columns_are_those_of_sqlite(self):
        db = db_manual.open_schema({"a": TABLE, "b": VIEW})
        for thing in read(TABLE) + read(VIEW):
            db_manual.check_columns(db, thing)
        other = db_manual.Thing("view", "rate", [], [(["id"], "one of five")])
        with self.assertRaisesRegex(db_manual.Mistake, "its columns are id, share, share_low, share_high, c; read were id"):
            db_manual.check_columns(db, other)

    def test_lines(self):
        text = db_manual.fill("word " * 13 + "entry.id and w_i, `a_b c` - but > not at the start", "- ", "  ")
        self.assertEqual(text, "- " + "word " * 13 + "`entry.id`\n  and `w_i`, `a_b c` - but > not at the start")
        self.assertEqual(db_manual.fill("x" * 80 + " - " + "y" * 40 + " >= 3"), "x" * 80 + " -\n" + "y" * 40 + " >= 3")

    def test_blocks(self):
        lines = ["One", "two:", "    x = 1", "* a", "  b", "* c", "end"]
        self.assertEqual(db_manual.blocks(lines), ["One two:", "", "    x = 1", "", "- a b", "- c", "", "end"])


class Refused(unittest.TestCase):
    def refused(self, text, message):
        with self.assertRaisesRegex(db_manual.Mistake, message):
            read(text)

    def test_no_comment(self):
        self.refused(TABLE[TABLE.index("CREATE"):], "schema/test.sql: table thing has no comment")
        self.refused("-- Other.\n\n" + VIEW[VIEW.index("CREATE"):], "view rate has no comment")

    def test_no_sentence(self):
        self.refused(VIEW.replace("things.", "things"), "no sentence that ends in a full stop")

    def test_column_without_comment(self):
        for comment, name in ("-- two values", "a"), ("-- its share", "share"), ("-- its bounds", "share_low"), ("-- a text", "c"):
            text = TABLE if comment in TABLE else VIEW
            self.refused(text.replace(comment, ""), f"column {name} has no comment")


class Queries(unittest.TestCase):
    def test_sql_of_the_documents(self):
        """Each block of SQL in schema/*.md prepares against the schema."""
        db = db_manual.open_schema(db_manual.read_files()[0])
        db.execute("ATTACH ':memory:' AS old")
        db.execute("CREATE TABLE old.outcome AS SELECT * FROM main.outcome LIMIT 0")
        blocks = []
        for name in ("bitsink-db.5.md", "bitsink-queries.7.md"):
            with open(os.path.join(db_manual.SCHEMA, name), encoding="utf-8") as file:
                blocks += re.findall(r"^```sql\n(.*?)^```$", file.read(), re.S | re.M)
        self.assertGreater(len(blocks), 8)
        for block in blocks:
            for statement in block.split(";"):
                if statement.strip() and not statement.startswith("ATTACH"):
                    with self.subTest(statement=statement):
                        db.execute("EXPLAIN " + statement)


if __name__ == "__main__":
    unittest.main()
