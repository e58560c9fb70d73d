"""The record of PyTorch's layers: it stays without PyTorch, and any PyTorch confirms it."""

import sys

import pytest

from experiments.frameworks import pytorch_agreement
from unrolled import records

FOUND = records.load("pytorch")["results"]


def test_without_pytorch_the_record_stays_as_it_is(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(records, "write", None)  # would fail if it were called
    pytorch_agreement.main()
    assert "results/pytorch.json stays as it is" in capsys.readouterr().out


def test_the_installed_pytorch_computes_what_is_recorded():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    again = pytorch_agreement.measure(torch)
    assert again.keys() == FOUND.keys()
    for case, gaps in again["agreement"].items():
        assert max(gaps.values()) < 1e-10, case
    assert again["packing"] == FOUND["packing"]
    assert again["losses"].pop("gap") < 1e-12
    assert again["losses"].items() <= FOUND["losses"].items()
    assert again["pieces"]["detached"]["gradient before the cut"] == 0
    for name in ("reset before the product", "step of the two biases"):
        assert again[name] == pytest.approx(FOUND[name], rel=1e-9)
