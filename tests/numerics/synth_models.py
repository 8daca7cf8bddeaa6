#!/usr/bin/env python3
"""Networks that `bitsink synth` writes: onnx.checker passes them, and ONNX Runtime gives bitsink's logits."""
import argparse
import pathlib
import sys
import tempfile

from common import bitsink, require

np, Image, onnx, runtime = require("numpy", "PIL.Image", "onnx", "onnxruntime")

BOUND = 1e-4  # of the largest logit
IMAGES = 2


def make_images(folder):
    """Smooth random pictures."""
    rng, paths = np.random.default_rng(1), []
    for i in range(IMAGES):
        small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
        paths.append(folder / f"{i}.png")
        small.resize((224, 224), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def compare(binary, name, folder, images):
    model, logits = folder / f"{name}.onnx", folder / "logits"
    bitsink(binary, "synth", name, model)
    onnx.checker.check_model(str(model), full_check=True)
    bitsink(binary, "classify", model, *images, "--logits", logits, "--device", "cpu", "--quiet")
    ours = np.fromfile(logits, dtype=np.float32).reshape(len(images), -1)
    session = runtime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    pixels = [np.asarray(Image.open(path), dtype=np.float32).transpose(2, 0, 1) / 255 for path in images]
    theirs = session.run(None, {session.get_inputs()[0].name: np.stack(pixels)})[0]
    deviation = np.abs(ours - theirs).max() / np.abs(theirs).max()
    good = ours.shape == (len(images), 1000) and deviation <= BOUND
    print(f"{name}: checker passed, largest logit {np.abs(theirs).max():.3g}, largest deviation {deviation:.1e}: "
          f"{'ok' if good else 'FAIL'} (bound {BOUND:.0e})", flush=True)
    model.unlink()
    return good


def main():
    parser = argparse.ArgumentParser(description="compare generated networks with ONNX Runtime")
    parser.add_argument("bitsink", help="the program to test")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = make_images(pathlib.Path(folder))
        return int(not all([compare(args.bitsink, name, pathlib.Path(folder), images)
                            for name in ("mobilenetv2", "resnet50", "vgg16")]))


if __name__ == "__main__":
    sys.exit(main())
