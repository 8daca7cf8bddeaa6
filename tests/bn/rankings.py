"""Check of the view ranking: what it unpacks, and any bits that a score may have."""
import math
import random
import sqlite3
import struct


def unpack(ranking):
    return [struct.unpack(">If", ranking[i:i + 8]) for i in range(0, len(ranking), 8)]


def same(score, bits):
    return math.isnan(bits) if score is None else score == bits


def check_rankings(path):
    db = sqlite3.connect(":memory:")
    with sqlite3.connect(path) as file:
        file.backup(db)
    want = {(None, i): unpack(b) for i, b in db.execute("SELECT image, ranking FROM golden_ranking")}
    masked = [(t, i) for t, i in db.execute("SELECT id, image FROM trial WHERE died_at IS NOT NULL")]
    want.update({(t, t >> 20 & 8388607): unpack(b) for t, b in db.execute("SELECT trial, ranking FROM trial_ranking")})
    assert not any(place in want for place in masked)
    want.update({(t, i): list(want[None, i]) for t, i in masked})
    for trial, image, rank, answer, score in db.execute("SELECT trial, image, rank, class, score FROM ranking ORDER BY rank DESC"):
        c, bits = want[trial, image].pop()
        assert answer == c and same(score, bits) and rank == len(want[trial, image]) + 1
    assert len(want) > 100 and not any(want.values())
    numbers = random.Random(1)
    words = [0, 1 << 31, 1, 0x807fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffc00000]
    words += [numbers.getrandbits(32) for _ in range(200)]
    ranks = db.execute("SELECT min(top_k, classes) FROM campaign").fetchone()[0]
    for i in range(0, len(words), ranks):
        some = words[i:i + ranks]
        db.execute("UPDATE golden_ranking SET ranking = ? WHERE image = 0", (b"".join(struct.pack(">II", k, w) for k, w in enumerate(some)),))
        got = db.execute("SELECT class, score FROM ranking WHERE trial IS NULL AND image = 0 ORDER BY rank").fetchall()
        assert [c for c, _ in got] == list(range(len(some)))
        assert all(same(s, struct.unpack(">f", struct.pack(">I", w))[0]) for (_, s), w in zip(got, some)), some
    db.close()
