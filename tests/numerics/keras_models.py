#!/usr/bin/env python3
"""Architectures of Keras, exported as the README says, through a SavedModel and tf2onnx: see exports.py. Inputs are
(N, H, W, 3), as TensorFlow has them, but for the case with --inputs-as-nchw.

Left out are ConvNeXt and other networks with Keras' exact GELU: tf2onnx has no rule for its Erfc and writes a file
that no runtime can load."""
import collections
import os
import subprocess
import sys
import tempfile
import warnings

from common import require
from exports import main

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
warnings.simplefilter("ignore")
np, onnx, tf, keras, _ = require("numpy", "onnx", "tensorflow", "keras", "tf2onnx")

Case = collections.namedtuple("Case", "name model side opset nchw")
CASES = [
    Case("mobilenet_v2", "MobileNetV2", 224, 13, False),
    Case("mobilenet_v2_nchw", "MobileNetV2", 224, 13, True),
    Case("mobilenet_v2_opset9", "MobileNetV2", 96, 9, False),
    Case("mobilenet_v3_small", "MobileNetV3Small", 224, 15, False),
    Case("efficientnet_b0", "EfficientNetB0", 224, 17, False),
    Case("efficientnet_v2_b0", "EfficientNetV2B0", 224, 18, False),
    Case("resnet50_v2", "ResNet50V2", 128, 13, False),
    Case("densenet121", "DenseNet121", 128, 13, False),
    Case("xception", "Xception", 128, 13, False),
    Case("inception_v3", "InceptionV3", 139, 13, False),
    Case("nasnet_mobile", "NASNetMobile", 224, 13, False),
]


def randomise(network, side):
    """Replaces what initialisation leaves constant, in place: statistics near the true ones, scales, biases. Images
    reach the network as 0..1, so scaling from 0..255 is taken out."""
    rng = np.random.default_rng(1)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in network.layers:
        if isinstance(layer, keras.layers.Rescaling) and layer.scale < 0.1:
            layer.scale *= 255
    for norm in norms:
        norm.usual, norm.momentum = norm.momentum, 0.0
    noise = rng.uniform(0, 1, (4, side, side, 3)).astype(np.float32)
    smooth = tf.image.resize(rng.uniform(0, 1, (4, 7, 7, 3)).astype(np.float32), (side, side), "bicubic")
    network(tf.concat([noise, smooth], 0), training=True)
    for norm in norms:
        norm.momentum = norm.usual
        for name, low, high in (("gamma", 0.5, 1.5), ("moving_variance", 0.5, 2.0)):
            weight = getattr(norm, name)
            if weight is not None:
                weight.assign(weight * rng.uniform(low, high, weight.shape).astype(np.float32))
        spread = tf.sqrt(norm.moving_variance)
        norm.moving_mean.assign(norm.moving_mean + 0.2 * spread * rng.normal(0, 1, spread.shape).astype(np.float32))


def export(case, seed, path):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    network = getattr(keras.applications, case.model)(weights=None, classifier_activation=None,
                                                      input_shape=(case.side, case.side, 3))
    randomise(network, case.side)
    with tempfile.TemporaryDirectory() as saved:
        network.export(saved, verbose=False)
        command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", saved, "--opset", str(case.opset),
                   "--output", str(path)]
        if case.nchw:
            command += ["--inputs-as-nchw", network.inputs[0].name]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"FAIL: tf2onnx on {case.name}: {done.stdout}")
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return len(model.graph.node), case.side


if __name__ == "__main__":
    main("compare Keras' exports with ONNX Runtime, and the replay with full re-runs", CASES, export)
