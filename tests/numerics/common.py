"""What the numerics tests share: data, preprocessing with Pillow and NumPy, job files, calls of bitsink.

Nothing here is bitsink's own code: images are decoded and resized by Pillow, so that agreement means
something. skip(), require() and fashion() are those of tests/support/skips.py: call require() before
importing packages that a machine may lack."""
import csv
import dataclasses
import gzip
import json
import os
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT / "tests/support"))
from skips import fashion, require, skip

np, Image = require("numpy", "PIL.Image")


def test_data():
    """The folder of the optional test data; the test is skipped where it is absent."""
    path = pathlib.Path(os.environ.get("BITSINK_TEST_DATA") or ROOT / "../shared/data").resolve()
    if not path.is_dir():
        skip(f"no test data in '{path}' (BITSINK_TEST_DATA)")
    return path


@dataclasses.dataclass
class Preprocess:
    """The keys of `preprocess` in a job file, in the order in which they act."""

    crop_fraction: float = 0
    resize_short: int = 0
    resize: int = 0
    crop: int = 0
    bgr: bool = False
    scale: str = "1/255"
    mean: tuple = (0.0,)
    std: tuple = (1.0,)

    def geometry(self, image):
        """Crops and resizes a Pillow image."""
        if self.crop_fraction:
            side = round(self.crop_fraction * min(image.size))
            image = centre_crop(image, side)
        if self.resize_short:
            w, h = image.size
            short = self.resize_short
            size = (short, short * h // w) if w <= h else (short * w // h, short)
            image = image.resize(size, Image.Resampling.BILINEAR)
        if self.resize:
            image = image.resize((self.resize, self.resize), Image.Resampling.BILINEAR)
        return centre_crop(image, self.crop) if self.crop else image

    def tensor(self, image):
        """(1, C, H, W) in single precision throughout."""
        pixels = np.asarray(image, dtype=np.float32)
        pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        if self.bgr:
            pixels = pixels[::-1]
        numerator, _, denominator = self.scale.partition("/")
        scale = np.float32(float(numerator) / float(denominator or 1))
        mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in (self.mean, self.std))
        return np.ascontiguousarray((pixels * scale - mean) / std)[None]

    def yaml(self):
        lines = ["preprocess:"]
        for key in ("crop_fraction", "resize_short", "resize", "crop"):
            if getattr(self, key):
                lines.append(f"  {key}: {getattr(self, key)}")
        lines += [f"  bgr: {str(self.bgr).lower()}", f"  scale: {self.scale}"]
        lines += [f"  mean: {list(self.mean)}", f"  std: {list(self.std)}"]
        return "\n".join(lines) + "\n"

    def without_geometry(self):
        return dataclasses.replace(self, crop_fraction=0, resize_short=0, resize=0, crop=0)


def centre_crop(image, side):
    left, top = round((image.size[0] - side) / 2), round((image.size[1] - side) / 2)
    return image.crop((left, top, left + side, top + side))


def read_idx(path):
    with gzip.open(path) as f:
        rank = f.read(4)[3]
        shape = struct.unpack(f">{rank}I", f.read(4 * rank))
        return np.frombuffer(f.read(), dtype=np.uint8).reshape(shape)


class IdxImages:
    """The first images of an idx file."""

    def __init__(self, folder, limit):
        self.files = [folder / f"t10k-{what}-ubyte.gz" for what in ("images-idx3", "labels-idx1")]
        self.pixels, self.labels = (read_idx(path)[:limit] for path in self.files)
        self.names = [f"{self.files[0].name}#{i}" for i in range(len(self.labels))]

    def image(self, i):
        return Image.fromarray(self.pixels[i])

    def yaml(self):
        images, labels = self.files
        return f"images:\n  idx_images: {images}\n  idx_labels: {labels}\n  limit: {len(self.labels)}\n"


class ListedImages:
    """The first images of a CSV file "file,label"."""

    def __init__(self, labels, limit=None):
        self.csv = labels
        with open(labels, newline="") as f:
            rows = list(csv.DictReader(f))[:limit]
        self.names = [row["file"] for row in rows]
        self.labels = [int(row["label"]) for row in rows]

    def image(self, i):
        return Image.open(self.csv.parent / self.names[i]).convert("RGB")

    def yaml(self):
        return f"images:\n  labels: {self.csv}\n  limit: {len(self.names)}\n"


def prepare(images, preprocess, folder):
    """Crops and resizes with Pillow, stores as PNG: no step is left that libraries do differently."""
    folder.mkdir()
    with open(folder / "labels.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["file", "label"])
        for i, label in enumerate(images.labels):
            preprocess.geometry(images.image(i)).save(folder / f"{i:04}.png")
            rows.writerow([f"{i:04}.png", label])
    return ListedImages(folder / "labels.csv")


def write_job(path, model, images, preprocess, faults, label_offset=0):
    path.write_text(f"name: {path.stem}\nmodel: {model}\nseed: 1\nlabel_offset: {label_offset}\n"
                    f"{images.yaml()}{preprocess.yaml()}faults:\n{faults}")
    return path


def bitsink(binary, *args):
    """Runs a command; its standard output. A failure ends the test."""
    env = dict(os.environ)
    if "BITSINK_TEST_DATA" in env:
        env["BITSINK_TEST_DATA"] = str(test_data())
    command = [str(binary), *map(str, args)]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=env, text=True)
    if done.returncode:
        sys.exit(f"FAIL: exit status {done.returncode} of: {' '.join(command)}")
    return done.stdout


def bitsink_json(binary, *args):
    return [json.loads(line) for line in bitsink(binary, *args, "--json").splitlines()]


def best_rates(rounds, unit, measures, file=sys.stdout):
    """Runs the measurements in turn, several times, every other time in the reverse order; the best of each, by name: what
    else runs on a machine only makes things slower. measures: functions by name."""
    best = dict.fromkeys(measures, 0.0)
    for i in range(rounds):
        rates = {name: measures[name]() for name in list(measures)[::-1 if i % 2 else 1]}
        print(f"  round {i + 1}: " + ", ".join(f"{name} {rates[name]:.1f} {unit}" for name in measures), file=file, flush=True)
        best = {name: max(best[name], rates[name]) for name in measures}
    return best


def rank(logits):
    """Class indices by score as bitsink ranks them: NaN never wins, ties go to the lowest index."""
    order = np.argsort(-logits, kind="stable")
    return order[~np.isnan(logits[order])]
