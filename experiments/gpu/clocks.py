"""How long a step takes: by the device's own events where a library has them.

Every clock runs steps before it times any, and returns seconds of one step, measured several times
over a few steps each, so that nothing is timed that the first step alone has to do.
"""

import time

from experiments.speed.timing import spread

WARM_UP, TIMES = 5, 15


def steps_at_once(step, wait, enough=0.02):
    """Returns how many steps take about 20 milliseconds, at least one."""
    for _ in range(WARM_UP):
        step()
    wait()
    start = time.perf_counter()
    step()
    wait()
    return max(1, min(200, round(enough / max(time.perf_counter() - start, 1e-7))))


def by_host(step, wait, times=TIMES):
    """Times by the processor's clock, which waits for the device at the end."""
    count, found = steps_at_once(step, wait), []
    for _ in range(times):
        start = time.perf_counter()
        for _ in range(count):
            step()
        wait()
        found.append((time.perf_counter() - start) / count)
    return spread(found) | {"clock": "host, waiting for the device", "steps": count}


def by_torch(step, times=TIMES):
    """Times by PyTorch's events; without a GPU by the host's clock."""
    import torch

    if not torch.cuda.is_available():
        return by_host(step, lambda: None, times)
    count, found = steps_at_once(step, torch.cuda.synchronize), []
    for _ in range(times):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(count):
            step()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) / 1e3 / count)
    return spread(found) | {"clock": "device events", "steps": count}


def by_cupy(step, times=TIMES):
    """Times by CuPy's events."""
    import cupy

    count, found = steps_at_once(step, cupy.cuda.Device().synchronize), []
    for _ in range(times):
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        for _ in range(count):
            step()
        end.record()
        end.synchronize()
        found.append(cupy.cuda.get_elapsed_time(start, end) / 1e3 / count)
    return spread(found) | {"clock": "device events", "steps": count}
