#!/usr/bin/env python3
"""Architectures of Keras, exported by tf2onnx: see exports.py. Inputs are (N, H, W, 3), as TensorFlow has them; one
case each is exported with the options --inputs-as-nchw and an old operator set.

Left out are ConvNeXt and other networks with Keras' exact GELU: tf2onnx has no rule for its Erfc and writes a file
that no runtime can load."""
import collections
import os
import warnings

from common import require
from exports import main

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
warnings.simplefilter("ignore")
np, onnx, tf, keras, tf2onnx = require("numpy", "onnx", "tensorflow", "keras", "tf2onnx")

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


def randomise(network):
    """Replaces what initialisation leaves constant, in place: statistics, scales and biases."""
    rng = np.random.default_rng(1)
    for layer in network.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        for name, low, high in (("gamma", 0.5, 1.5), ("beta", -0.1, 0.1), ("moving_mean", -0.1, 0.1),
                                ("moving_variance", 0.5, 1.5)):
            weight = getattr(layer, name, None)
            if weight is not None:
                weight.assign(rng.uniform(low, high, weight.shape).astype(np.float32))


def export(case, seed, path):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    shape = (case.side, case.side, 3)
    network = getattr(keras.applications, case.model)(weights=None, classifier_activation=None, input_shape=shape)
    randomise(network)
    signature = [tf.TensorSpec((None, *shape), tf.float32, name="image")]
    model, _ = tf2onnx.convert.from_function(tf.function(lambda image: network(image, training=False), signature),
                                             signature, opset=case.opset, output_path=str(path),
                                             inputs_as_nchw=["image"] if case.nchw else None)
    onnx.checker.check_model(model)
    return len(model.graph.node), case.side


if __name__ == "__main__":
    main("compare Keras' exports with ONNX Runtime, and the replay with full re-runs", CASES, export)
