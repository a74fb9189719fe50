"""Operations with CUDA kernels of their own."""
