"""What the kernels of ``triton_lstm`` take on a GPU, found by compiling them for one without it.

    python -m unrolled.frameworks.triton_resources     a line of JSON for each kernel and size

Triton carries NVIDIA's assembler, so that machine code for a GPU can be made anywhere. It says how
many registers a thread has, what did not fit into them, and how much shared memory a program has.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from unrolled.frameworks import triton_lstm
from unrolled.installed import missing

try:
    import triton
except ImportError:
    triton = None

HOPPER = 90, 132, 232_448
"""Of H100 and H200: compute capability times 10, multiprocessors, shared memory of a program."""
SIZES = {"bf16": 2, "fp16": 2, "fp32": 4}
SUMS = {"c_ptr", "dc_ptr", "dc0_ptr"}  # kept in the precision of sums
KERNELS = {"forward": "forward_kernel", "backward": "backward_kernel"}


class Resources(NamedTuple):
    """What a program takes, and what its code consists of."""

    kernel: str
    number: str  # bf16, fp16 or fp32
    B: int
    H: int
    programs: int
    weights: int  # bytes of W_h in a program
    threads: int
    registers: int  # of a thread, 4 bytes each
    spilled: int  # bytes of a thread that did not fit into registers
    shared: int  # bytes of a program
    products: int  # matrix instructions in the code
    loads_per_step: (
        int  # global loads inside the loop over time, as Triton's own code has them
    )
    waits: int  # loads with acquire
    arrivals: int  # atomic additions with release
    pipelined: bool  # whether loads were moved ahead of the step they belong to


def compiled(kernel, number, B, H, precision="tf32"):
    """Returns the Resources of a kernel on a Hopper GPU.

    Args:
        kernel: "forward" or "backward".
        number: "bf16", "fp16" or "fp32".
        B: rows of the batch.
        H: hidden units.
        precision: of products of fp32 numbers.

    Raises:
        ValueError: no plan fits these sizes.
        RuntimeError: no Triton, or TRITON_INTERPRET is set.
    """
    if triton is None:
        raise RuntimeError(missing("triton", "compiling"))
    if triton_lstm.interpreting():
        raise RuntimeError("compiling needs TRITON_INTERPRET not set")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    capability, processors, _ = HOPPER
    function = getattr(triton_lstm, KERNELS[kernel])
    plan = triton_lstm.choose(B, H, SIZES[number], processors, precision)
    constants = triton_lstm.constants_of(plan, H)
    if "HAS_DC" in function.arg_names:
        constants["HAS_DC"] = False
    source = ASTSource(
        function, _signature(function.arg_names, number, constants), constants
    )
    made = triton.compile(
        source,
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": plan.slabs, "num_stages": 1},
    )
    registers, spilled = _assembled(made.asm["cubin"])
    ptx, in_loop = made.asm["ptx"], _loop_over_time(made.asm["ttir"])
    return Resources(
        kernel=kernel,
        number=number,
        B=B,
        H=H,
        programs=plan.grid(B, H)[0] * plan.grid(B, H)[1],
        weights=4 * plan.padded(H) * plan.units * SIZES[number],
        threads=32 * plan.slabs,
        registers=registers,
        spilled=spilled,
        shared=made.metadata.shared,
        products=len(re.findall(r"mma\S*\.sync", ptx)),
        loads_per_step=len(re.findall(r"tt\.load", in_loop)),
        waits=len(re.findall(r"ld\.global\S*\.acquire|atom\.global\S*\.acquire", ptx)),
        arrivals=len(re.findall(r"(?:atom|red)\.global\S*\.release", ptx)),
        pipelined="cp.async" in ptx,
    )


def _signature(names, number, constants):
    def kind(name):
        if name in constants:
            return "constexpr"
        if not name.endswith("_ptr"):
            return "i32"
        return (
            "*i32"
            if name == "arrived_ptr"
            else "*fp32"
            if name in SUMS
            else f"*{number}"
        )

    return {name: kind(name) for name in names}


def _assembled(machine_code):
    """Returns (registers of a thread, bytes on its stack) of machine code."""
    import tempfile

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(machine_code)
        said = subprocess.run(
            [tool, "-res-usage", path], capture_output=True, text=True, check=True
        ).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", said)
    if found is None:
        raise RuntimeError(
            f"cuobjdump does not say what the kernel takes: {said[:200]!r}"
        )
    return int(found[1]), int(found[2])


def _loop_over_time(text):
    """Returns the part of Triton's intermediate code inside its first for loop."""
    start = text.index("scf.for")
    depth, place = 0, text.index("{", text.index(": i32", start))
    for at in range(place, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[place:at]
    raise ValueError("the loop over time has no end")


def main(arguments):
    """Prints the Resources of every kernel at the sizes of the chapter."""
    for number in arguments or ["bf16", "fp32"]:
        for H in (256, 512):
            for kernel in KERNELS:
                print(json.dumps(compiled(kernel, number, 64, H)._asdict()), flush=True)


if __name__ == "__main__":
    if triton is None:
        sys.exit(missing("triton", "compiling"))
    os.environ.pop("TRITON_INTERPRET", None)
    main(sys.argv[1:])
