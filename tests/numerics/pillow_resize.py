#!/usr/bin/env python3
"""Resizing against Pillow: random sizes, contents and channels; bilinear and bicubic at most one level off, nearest
equal. `pillow_resize.py PIXELS`, where PIXELS is the helper built from pixels.c.

Pillow before 13 always shrinks the rows first; 13 starts with the columns where that is less work. Pixels are clipped
in between, and bicubic overshoots, so the order matters there. What counts is rows first, which two calls enforce; for
every other size, which keeps the aspect as the usual pipelines do, a single call must agree, too."""
import argparse
import subprocess
import sys

from common import require

np, Image = require("numpy", "PIL.Image")

# Order and names of BS_INTERPOLATIONS, with the levels a value may be off.
INTERPOLATIONS = {"bilinear": 1, "bicubic": 1, "nearest": 0}
EXTREMES = [(1, 1, 224, 224), (1, 1, 1, 1), (20000, 3, 256, 256), (3, 20000, 224, 300), (20000, 1, 1, 1),
            (1, 20000, 7, 20000), (500, 375, 341, 256), (2, 2, 1, 900), (257, 255, 256, 256)]


def side(rng, limit):
    """Small sides are as likely as large ones: the filters differ most there."""
    return int(np.exp(rng.uniform(0, np.log(limit + 1))))


def content(rng, kind, w, h, channels):
    if kind == 0:
        return rng.integers(0, 256, (h, w, channels), dtype=np.uint8)
    if kind == 1:  # black and white: where bicubic overshoots most
        return (rng.integers(0, 2, (h, w, channels)) * 255).astype(np.uint8)
    y, x = np.mgrid[0:h, 0:w]
    return ((x * 255 // max(w - 1, 1) + y * 3)[..., None] + np.arange(channels) * 80).astype(np.uint8)


def sizes(rng, i):
    if i < len(EXTREMES):
        return EXTREMES[i]
    if i % 2:
        return [side(rng, 400) for _ in range(4)]
    w, h, short = (int(v) for v in rng.integers((40, 40, 20), (400, 400, 300)))
    h = min(max(h, w // 2), w * 2)
    return (w, h, short, short * h // w) if w <= h else (w, h, short * w // h, short)


def cases(rng, n):
    for i in range(n):
        w, h, to_w, to_h = sizes(rng, i)
        yield content(rng, i % 3, w, h, 3 if i // 2 % 2 else 1), to_w, to_h


def pillow(pixels, to_w, to_h, name, calls):
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if calls == 2:
        image = image.resize((to_w, image.size[1]), Image.Resampling[name.upper()])
    resized = np.asarray(image.resize((to_w, to_h), Image.Resampling[name.upper()]))
    return resized.reshape(to_h, to_w, pixels.shape[2])


def ours(binary, batch, how):
    records = []
    for pixels, to_w, to_h in batch:
        h, w, channels = pixels.shape
        records += [np.array([w, h, channels, to_w, to_h, how], dtype=np.int32).tobytes(), pixels.tobytes()]
    done = subprocess.run([binary, "resize"], input=b"".join(records), stdout=subprocess.PIPE, check=True)
    out, at = np.frombuffer(done.stdout, dtype=np.uint8), 0
    for pixels, to_w, to_h in batch:
        n = to_w * to_h * pixels.shape[2]
        yield out[at:at + n].reshape(to_h, to_w, pixels.shape[2])
        at += n
    assert at == len(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pixels")
    parser.add_argument("--sizes", type=int, default=1500, help="random sizes for each interpolation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    failed = False
    for how, (name, allowed) in enumerate(INTERPOLATIONS.items()):
        rng = np.random.default_rng([args.seed, how])
        batch = list(cases(rng, args.sizes))
        off = values = worst = 0
        for i, ((pixels, to_w, to_h), got) in enumerate(zip(batch, ours(args.pixels, batch, how))):
            keeps_aspect = i % 2 == 0 and i >= len(EXTREMES)
            for calls in (2, 1) if keeps_aspect else (2,):
                difference = np.abs(got.astype(int) - pillow(pixels, to_w, to_h, name, calls))
                values += difference.size
                off += np.count_nonzero(difference)
                worst = max(worst, difference.max())
                if difference.max() > allowed:
                    h, w, channels = pixels.shape
                    print(f"FAIL: {name} {w}x{h}x{channels} -> {to_w}x{to_h}: {difference.max()} levels off")
                    failed = True
        print(f"{name}: {len(batch)} sizes, {values} values, {off} not equal, at most {worst} off")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
