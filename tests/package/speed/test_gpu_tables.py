"""Records of GPU runs as lines to read."""

import pytest

from unrolled import records
from unrolled.speed import gpu_tables


@pytest.mark.parametrize("name", gpu_tables.TABLES)
def test_a_page_shows_a_record_or_that_there_is_none(name, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    assert gpu_tables.table(name) == (
        f"results/gpu/{name}.json does not exist: no GPU has run this yet"
    )
    times = {"median": 0.002, "quartiles": [0.001, 0.003]}
    point = {"seconds": 2.0, "training": 5.0, "validation": 4.0, "updates": 7}
    parts = {
        "ladder": {"1": {"gap": 1e-6, "seconds": times}},
        "fused_lstm": {
            "256": {
                "proved": 1e-6,
                "seconds": {"Triton": times},
                "cudnn_over_triton": times | {"median": 1.25},
                "exchange": 2e-6,
                "floor": 1e-3,
            },
        },
        "saturation": {"latency": 3e-6, "batches": {"1": times}},
        "language_models": {
            "H": 9,
            "perplexity": 55.0,
            "unigram": 5.0,
            "curve": [point],
            "corpus": "a chain",
        },
        "dates": {"curve": [point], "update": 0.002},
        "webgpu": {
            "adapter": {
                "adapter": "cuDNN",
                "kind": "CPU",
                "backend": "Vulkan",
                "driver": "1",
                "software": True,
            },
            "times": {"256": {"plain": times | {"dispatches": 1}}},
            "stopped": "before 512",
        },
        "wgsl_training": {
            "adapter": {"adapter": "llvmpipe", "software": True},
            "gap": 1e-7,
            "here": [3.0, 1.0],
        },
    }[name]
    results = {
        "parts": {"cuDNN": parts},
        "missing": {"CuPy": "not there"},
        "failed": {"x": "no"},
    }
    records.write(records.begin(f"gpu/{name}"), results, settings={}, seed=0)
    said = gpu_tables.table(name)
    assert "cuDNN" in said and "CuPy: not there" in said and "x: no" in said


def test_a_software_adapter_is_never_called_a_gpu():
    adapter = {"adapter": "llvmpipe", "kind": "CPU", "backend": "Vulkan", "driver": "1"}
    part = {"times": {}, "stopped": None}
    found = {"parts": {"products": part | {"adapter": adapter | {"software": True}}}}
    said = gpu_tables.webgpu(found)[0]
    assert said == "llvmpipe: a software adapter, not a GPU; Vulkan, 1"
    adapter |= {"kind": "DiscreteGPU", "software": False}
    training = {"gap": 1e-7, "here": [3.0, 1.0], "adapter": {"adapter": "llvmpipe"}}
    training["adapter"]["software"] = True
    assert gpu_tables.wgsl_training({"parts": {"RNN": training}}) == [
        "RNN: loss 3.00 to 1.00 in 2 updates, off NumPy's by 1e-07, on llvmpipe, a software"
        " adapter, not a GPU"
    ]
    found["parts"]["products"]["adapter"] = adapter
    assert gpu_tables.webgpu(found)[0] == "llvmpipe: DiscreteGPU; Vulkan, 1"
