#!/usr/bin/env python3
"""Decoding against Pillow: every kind of file that is found among ImageNet's, and some that are not.
`pillow_decode.py PIXELS`, where PIXELS is the helper built from pixels.c."""
import argparse
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

from common import require

np, Image = require("numpy", "PIL.Image")

JPEG_LEVELS = 1  # builds of libjpeg may round differently; lossless files must be equal


def picture(w, h, mode="RGB"):
    y, x = np.mgrid[0:h, 0:w]
    bands = [x * 255 // max(w - 1, 1), y * 255 // max(h - 1, 1), (x * 7 + y * 5) % 256, (x + y) % 256]
    a = np.stack(bands[:len(Image.new(mode, (1, 1)).getbands())], axis=-1).astype(np.uint8)
    return Image.fromarray(a.squeeze(-1) if a.shape[-1] == 1 else a, mode)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_16_bit_rgb(w, h):
    """Pillow cannot write it."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + np.random.default_rng(y).integers(0, 65536, w * 3).astype(">u2").tobytes()
                    for y in range(h))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def files():
    """(name, bytes, levels a value may be off)."""
    rgb, grey, cmyk = picture(97, 61), picture(97, 61, "L"), picture(97, 61, "CMYK")
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees; the size shows whether someone did
    for quality in (30, 75, 95):
        for subsampling in (0, 1, 2):
            for progressive in (False, True):
                options = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
                yield f"rgb-{options}.jpg", encoded(rgb, "JPEG", **options), JPEG_LEVELS
    yield "grey.JPEG", encoded(grey, "JPEG"), JPEG_LEVELS
    yield "grey-progressive.JPEG", encoded(grey, "JPEG", progressive=True), JPEG_LEVELS
    yield "cmyk.JPEG", encoded(cmyk, "JPEG", quality=95), JPEG_LEVELS
    yield "cmyk-progressive.JPEG", encoded(cmyk, "JPEG", progressive=True), JPEG_LEVELS
    yield "exif-orientation.jpg", encoded(rgb, "JPEG", exif=exif), JPEG_LEVELS
    yield "really-a-png.JPEG", encoded(rgb, "PNG"), 0
    yield "exif-orientation.png", encoded(rgb, "PNG", exif=exif), 0
    yield "palette.png", encoded(rgb.quantize(200), "PNG"), 0
    yield "palette-16.png", encoded(rgb.quantize(16), "PNG", bits=4), 0
    yield "palette-transparent.png", encoded(rgb.quantize(30), "PNG", transparency=3), 0
    yield "alpha.png", encoded(picture(40, 30, "RGBA"), "PNG"), 0
    yield "grey-alpha.png", encoded(picture(40, 30, "LA"), "PNG"), 0
    yield "grey-transparent.png", encoded(grey, "PNG", transparency=7), 0
    yield "rgb-transparent.png", encoded(rgb, "PNG", transparency=(1, 2, 3)), 0
    yield "one-bit.png", encoded(grey.convert("1"), "PNG"), 0
    yield "sixteen-bit.png", png_16_bit_rgb(31, 17), 0
    for kind in ("JPEG", "PNG"):
        for size in ((1, 1), (20000, 2), (2, 20000)):
            yield f"{size}.{kind}", encoded(picture(*size), kind), JPEG_LEVELS if kind == "JPEG" else 0


def difference(binary, path):
    done = subprocess.run([binary, "decode", path], stdout=subprocess.PIPE)
    if done.returncode:
        return "refused"
    w, h, channels = struct.unpack("iii", done.stdout[:12])
    got = np.frombuffer(done.stdout, dtype=np.uint8, offset=12).reshape(h, w, channels)
    wanted = np.asarray(Image.open(path).convert("L" if channels == 1 else "RGB")).reshape(-1, *got.shape[1:])
    if wanted.shape != got.shape:
        return f"{got.shape} instead of {wanted.shape}"
    return int(np.abs(got.astype(int) - wanted).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pixels")
    args = parser.parse_args()
    n, failed, worst = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, data, allowed in files():
            path = pathlib.Path(folder) / name
            path.write_bytes(data)
            found = difference(args.pixels, path)
            n += 1
            if isinstance(found, str) or found > allowed:
                print(f"FAIL: {name}: {found}{'' if isinstance(found, str) else ' levels off'}")
                failed += 1
            else:
                worst = max(worst, found)
    print(f"{n} files, {failed} wrong, the others at most {worst} levels off")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
