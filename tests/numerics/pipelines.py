#!/usr/bin/env python3
"""The presets of `preprocess` against the pipelines they stand for: torchvision's transforms, among them those that
belong to published weights, and Keras' formulas, from Keras itself where it is installed.
`pipelines.py PIXELS`, where PIXELS is the helper built from pixels.c.

Images are random and lossless. A resized pixel may be off by one level; with nearest, nothing may be."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from common import require

np, Image = require("numpy", "PIL.Image")

ROUNDING = 1e-5
SIZES = [(500, 375), (375, 500), (256, 256), (300, 233), (64, 97), (1, 1), (1200, 640)]


def pictures():
    rng = np.random.default_rng(5)
    for i, (w, h) in enumerate(SIZES):
        coarse = Image.fromarray(rng.integers(0, 256, (h // 7 + 1, w // 7 + 1, 3), dtype=np.uint8))
        image = coarse.resize((w, h), Image.Resampling.BICUBIC)
        yield image.convert("L") if i == 3 else image


def torchvision_cases():
    """(value of `preprocess`, side, function from an image to a tensor)."""
    try:
        from torchvision import models, transforms as T
    except ImportError as e:
        print(f"without torchvision ({e})")
        return
    classic = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(),
                         T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    yield "torchvision", 224, lambda image: classic(image).numpy()
    published = {
        "ResNet50_Weights.IMAGENET1K_V1": "torchvision",
        "ResNet50_Weights.IMAGENET1K_V2": "{preset: torchvision, resize_short: 232}",
        "EfficientNet_B0_Weights.IMAGENET1K_V1": "{preset: torchvision, interpolation: bicubic}",
        "Swin_T_Weights.IMAGENET1K_V1": "{interpolation: bicubic, resize_short: 232, preset: torchvision}",
        "EfficientNet_V2_S_Weights.IMAGENET1K_V1": "{preset: torchvision, resize_short: 384, crop: 384}",
        "EfficientNet_V2_L_Weights.IMAGENET1K_V1":
            "{preset: torchvision, interpolation: bicubic, resize_short: 480, crop: 480, mean: 0.5, std: 0.5}",
        "Inception_V3_Weights.IMAGENET1K_V1": "{preset: torchvision, resize_short: 342, crop: 299}",
    }
    for name, value in published.items():
        family, version = name.split(".")
        transform = getattr(models, family)[version].transforms()
        yield value, transform.crop_size[0], lambda image, transform=transform: transform(image).numpy()


def keras_formula(mode, x):
    """As documented for preprocess_input() of keras.applications.imagenet_utils."""
    if mode == "caffe":
        return x[..., ::-1] - np.array([103.939, 116.779, 123.68], dtype=np.float32)
    if mode == "tf":
        return x / np.float32(127.5) - 1
    return (x / np.float32(255) - np.float32((0.485, 0.456, 0.406))) / np.float32((0.229, 0.224, 0.225))


def keras_cases():
    """An image as load_img(target_size=(side, side)) gives it, then preprocess_input."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        from keras.applications.imagenet_utils import preprocess_input
    except Exception as e:  # its backends fail in many ways
        print(f"Keras' formulas without Keras ({type(e).__name__})")
        preprocess_input = None
    for mode in ("caffe", "tf", "torch"):
        for value, side in ((f"keras-{mode}", 224), (f"{{preset: keras-{mode}, resize: 299}}", 299)):
            def tensor(image, mode=mode, side=side):
                x = np.asarray(image.resize((side, side), Image.Resampling.NEAREST), dtype=np.float32)
                expected = keras_formula(mode, x)
                if preprocess_input:
                    theirs = preprocess_input(x.copy(), data_format="channels_last", mode=mode)
                    assert np.allclose(expected, theirs, atol=ROUNDING * np.abs(theirs).max())
                return expected.transpose(2, 0, 1)

            yield value, side, tensor


def level(value):
    """The largest step of a tensor when a pixel moves by one level; 0 where none may."""
    if "keras" in value:
        return 0
    return 1 / 255 / (0.5 if "std: 0.5" in value else 0.224)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pixels")
    args = parser.parse_args()
    failed = n = 0
    cases = [*torchvision_cases(), *keras_cases()]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        images = list(pictures())
        for i, image in enumerate(images):
            image.save(folder / f"{i}.png")
        (folder / "labels.csv").write_text("".join(f"{i}.png,0\n" for i in range(len(images))))
        for value, side, expected in cases:
            job = folder / "job.yaml"
            job.write_text(f"model: none.onnx\nimages: {{labels: labels.csv}}\npreprocess: {value}\n"
                           "faults: [{id: 1, targets: all}]\n")
            done = subprocess.run([args.pixels, "job", job, "3", str(side), str(side)], stdout=subprocess.PIPE,
                                  check=True)
            got = np.frombuffer(done.stdout, dtype=np.float32).reshape(len(images), 3, side, side)
            worst = 0
            for tensor, image in zip(got, images):
                wanted = expected(image.convert("RGB"))
                worst = max(worst, float(np.abs(tensor - wanted).max() / max(1, np.abs(wanted).max())))
                bound = level(value) + ROUNDING * max(1, np.abs(wanted).max())
                failed += not np.abs(tensor - wanted).max() <= bound
                n += 1
            print(f"{value}: {worst:.2g} off, relative to the largest value")
    print(f"{n} tensors of {len(cases)} pipelines, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
