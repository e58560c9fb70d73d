"""Matrix products on a GPU: plain, tiled in workgroup memory, blocked in registers."""

from unrolled.webgpu.device import source

# Rows and columns of the result that a workgroup computes.
TILES = {"plain": 16, "tiled": 16, "blocked": 64}


def matmul(gpu, a, b, kernel="blocked", transpose_a=False, transpose_b=False):
    """Returns the product of two matrices in the memory of a GPU.

    A transposed matrix is not copied: the kernel reads it with its strides exchanged.

    Args:
        gpu: a Gpu.
        a: (M, K), or (K, M) if it is to be transposed.
        b: (K, N), or (N, K) if it is to be transposed.
        kernel: "plain", "tiled" or "blocked".
        transpose_a: whether the transpose of a is meant.
        transpose_b: whether the transpose of b is meant.

    Returns:
        (M, N), a GpuArray.

    Raises:
        ValueError: there is no such kernel, or the shapes do not fit together.
    """
    if kernel not in TILES:
        raise ValueError(f"kernel must be one of {', '.join(TILES)}, got {kernel!r}")
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise ValueError(
            f"a and b must be matrices, got shapes {a.shape} and {b.shape}"
        )
    M, K = a.shape[::-1] if transpose_a else a.shape
    rows, N = b.shape[::-1] if transpose_b else b.shape
    if rows != K:
        raise ValueError(
            f"a has {K} columns and b has {rows} rows: they must be as many"
        )
    strides_a = (1, M) if transpose_a else (K, 1)
    strides_b = (1, K) if transpose_b else (N, 1)
    c = gpu.zeros(M, N)
    tile = TILES[kernel]
    workgroups = -(-N // tile), -(-M // tile)
    gpu.run(
        source(f"product_{kernel}"),
        [M, N, K, *strides_a, *strides_b],
        [a, b, c],
        workgroups,
    )
    return c


def loads(M, N, K, kernel):
    """Returns how many numbers a product reads from the memory of the GPU.

    The sizes are multiples of the tile. A plain product reads both factors for each of
    the M N K products; otherwise a workgroup reads them once for a whole tile.
    """
    reuse = 1 if kernel == "plain" else TILES[kernel]
    return 2 * M * N * K // reuse
