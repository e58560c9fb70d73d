"""Matrix products in WGSL: right at every size, and read as often as counted."""

import numpy as np
import pytest

from experiments.gpu import wgsl_proofs as proofs
from unrolled.webgpu import product
from unrolled.webgpu.device import source


@pytest.mark.webgpu
@pytest.mark.parametrize("kernel", product.TILES)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 3, 7), (37, 65, 19), (70, 130, 33)])
def test_a_product_is_that_of_numpy(gpu, measured, kernel, sizes):
    for found in proofs.of_product(gpu, kernel, *sizes):
        measured("float64", kernel, found, proofs.VALUES)


def counting(kernel):
    """Returns a kernel that also counts every number that it reads from memory."""
    code = source(f"product_{kernel}")
    code = code.replace("\nfn a_at(", "\n@group(0) @binding(4) var<storage, read_write> "
                        "reads: atomic<u32>;\n\nfn a_at(", 1)  # fmt: skip
    for read in ("    return a[", "    return b["):
        assert code.count(read) == 1
        code = code.replace(read, f"    atomicAdd(&reads, 1u);\n{read}")
    return code


@pytest.mark.webgpu
@pytest.mark.parametrize("kernel", product.TILES)
def test_a_kernel_reads_as_many_numbers_as_counted(gpu, kernel):
    M, N, K = 128, 64, 32
    a, b = gpu.array(np.ones((M, K))), gpu.array(np.ones((K, N)))
    c, reads = gpu.zeros(M, N), gpu.array([0], np.uint32)
    tile = product.TILES[kernel]
    gpu.run(
        counting(kernel),
        [M, N, K, K, 1, N, 1],
        [a, b, c, reads],
        (N // tile, M // tile),
    )
    assert (gpu.read(c) == K).all()
    assert gpu.read(reads)[0] == product.loads(M, N, K, kernel)


def test_a_larger_tile_reads_less():
    counts = [product.loads(128, 64, 32, kernel) for kernel in product.TILES]
    assert counts[0] == 16 * counts[1] == 64 * counts[2] == 2 * 128 * 64 * 32


@pytest.mark.parametrize(
    ("shapes", "kernel", "says"),
    [
        (((2, 3), (4, 5)), "plain", "a has 3 columns and b has 4 rows"),
        (((2, 3), (3,)), "plain", "must be matrices"),
        (((2, 3), (3, 4)), "fast", "kernel must be one of"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(shapes, kernel, says):
    a, b = (np.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=says):
        product.matmul(None, a, b, kernel)
