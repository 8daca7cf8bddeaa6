#!/usr/bin/env python3
"""Golden answers of `bitsink classify` against ONNX Runtime, with images decoded and resized by Pillow.

For each network: the best class of every image is the same, and the five best scores agree within a bound,
relative to the largest score of the image. Another best class passes only where the two scores are closer
than that bound.

JPEG decoders and versions of Pillow may differ by one grey level in some pixels, which moves scores by far
more than rounding. So a network whose images are resized and that misses the bound gets a second chance: a
loose bound, and the strict one on images that Pillow has cropped and resized and stored without loss."""
import argparse
import dataclasses
import pathlib
import sys
import tempfile

from common import (ROOT, IdxImages, ListedImages, Preprocess, bitsink_json, fashion, prepare, rank, require,
                    test_data, write_job)

np, runtime = require("numpy", "onnxruntime")

STRICT = 1e-4
LOOSE = 2e-2
FAULTS = "  - {id: 1, targets: {kind: input}, fault: flip}\n"  # a job needs one; classify injects nothing


@dataclasses.dataclass
class Case:
    name: str
    model: pathlib.Path
    images: object
    preprocess: Preprocess
    job: str = ""  # in tests/jobs; made here where there is none, or none with these images
    label_offset: int = 0


def cases():
    data = test_data()
    models, imagenet = data / "models", ListedImages(data / "imagenet-200/labels.csv")
    cifar = ListedImages(data / "cifar10-100/labels.csv")
    return [
        Case("squeezenet1.1", models / "squeezenet1.1.onnx", imagenet,
             Preprocess(resize_short=256, crop=227, bgr=True, scale="1", mean=(104, 117, 123)),
             "reference.yaml"),
        Case("mobilenet_v2", models / "mobilenet_v2.onnx", imagenet,
             Preprocess(crop_fraction=0.875, resize=224, scale="1/127.5", mean=(1,)), label_offset=1),
        Case("cifar10_resnet20", models / "cifar10_resnet20.onnx", cifar,
             Preprocess(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)), "cifar.yaml"),
        Case("mnist_cnn", models / "mnist_cnn.onnx", IdxImages(data / "mnist", 500),
             Preprocess(scale="1/127.5", mean=(1,))),
        Case("fashion_vgg", ROOT / "tests/models/fashion_vgg.onnx", IdxImages(fashion(), 500),
             Preprocess(mean=(0.2860,), std=(0.3530,))),
    ]


@dataclasses.dataclass
class Tally:
    equal: int = 0
    margins: list = dataclasses.field(default_factory=list)  # of images with another best class
    deviation: float = 0.0
    top1: int = 0
    top5: int = 0

    def add(self, answer, logits, label):
        order, scale = rank(logits)[:5], np.abs(logits).max()
        classes = [t["class"] for t in answer["top"]]
        scores = np.array([t["score"] for t in answer["top"]])
        self.top1 += classes[0] == label
        self.top5 += label in classes
        # Both the scores of the classes that bitsink names, and the scores that should be at these ranks.
        by_class = np.abs(scores - logits[classes]).max() / scale
        by_rank = np.abs(scores - logits[order]).max() / scale
        self.deviation = max(self.deviation, by_class, by_rank)
        self.equal += classes[0] == order[0]
        if classes[0] != order[0]:
            self.margins.append((logits[order[0]] - logits[classes[0]]) / scale)
            print(f"  {answer['image']}: class {classes[0]}, ONNX Runtime says {order[0]}, "
                  f"margin {self.margins[-1]:.1e}")


def compare(binary, case, job, bounds):
    """The first bound that is met, 0 if none is."""
    answers = bitsink_json(binary, "classify", job)
    n = len(case.images.labels)
    if [pathlib.Path(a["image"]).name for a in answers] != [pathlib.Path(i).name for i in case.images.names]:
        sys.exit(f"FAIL: {case.name}: bitsink classified other images, or in another order")
    session = runtime.InferenceSession(case.model, providers=["CPUExecutionProvider"])
    feed, tally = session.get_inputs()[0].name, Tally()
    for i, answer in enumerate(answers):
        image = case.preprocess.tensor(case.preprocess.geometry(case.images.image(i)))
        logits = session.run(None, {feed: image})[0].reshape(-1)
        tally.add(answer, logits, case.images.labels[i] + case.label_offset)
    met = next((b for b in bounds if max([tally.deviation, *tally.margins]) <= b), 0)
    print(f"{case.name}: {n} images, top-1 equal {tally.equal}, "
          f"near ties {len(tally.margins) if met else 0}, "
          f"largest score deviation {tally.deviation:.1e}, "
          f"accuracy {100 * tally.top1 / n:.1f}/{100 * tally.top5 / n:.1f} %: "
          + (f"ok (bound {met:.0e})" if met else f"FAIL (bound {bounds[-1]:.0e})"), flush=True)
    return met


def check(binary, case, folder):
    made = folder / f"{case.name}.yaml"
    job = ROOT / "tests/jobs" / case.job if case.job else write_job(
        made, case.model, case.images, case.preprocess, FAULTS, case.label_offset)
    plain = case.preprocess.without_geometry()
    if plain == case.preprocess:
        return compare(binary, case, job, (STRICT,))
    found = compare(binary, case, job, (STRICT, LOOSE))
    if found != LOOSE:
        return found
    images = prepare(case.images, case.preprocess, folder / case.name)
    case = dataclasses.replace(case, name=case.name + ", prepared", images=images, preprocess=plain)
    job = write_job(made, case.model, images, plain, FAULTS, case.label_offset)
    return compare(binary, case, job, (STRICT,))


def main():
    parser = argparse.ArgumentParser(description="compare golden answers with ONNX Runtime")
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--only", metavar="NAME", help="only this network")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [check(args.bitsink, case, pathlib.Path(folder)) for case in cases()
                   if args.only in (None, case.name)]
    return int(not results or not all(results))


if __name__ == "__main__":
    sys.exit(main())
