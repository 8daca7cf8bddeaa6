t inspect models/fashion_vgg.onnx
t inspect --json models/fashion_vgg.onnx
t inspect --operators models/fashion_vgg.onnx
t inspect --operators --json models/fashion_vgg.onnx
t inspect models/sixteen_bits.onnx
