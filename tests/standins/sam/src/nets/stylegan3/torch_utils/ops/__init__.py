"""Operations that are CUDA kernels on a GPU and plain PyTorch elsewhere."""
