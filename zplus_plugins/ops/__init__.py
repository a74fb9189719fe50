"""StyleGAN's two custom operations in plain PyTorch: any device, any dtype, differentiable to any order."""
