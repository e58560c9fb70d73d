"""Compares two descriptions of a chart, number by number."""

import numpy as np


def differences(computed, built, place=""):
    """Where two descriptions differ; numbers may differ in their last digit."""
    if isinstance(computed, dict) and isinstance(built, dict):
        if set(computed) != set(built):
            return [place]
        keys = computed
    elif isinstance(computed, list) and isinstance(built, list):
        if len(computed) != len(built):
            return [place]
        keys = range(len(computed))
    elif isinstance(computed, float | int) and isinstance(built, float | int):
        return [] if np.isclose(computed, built, rtol=1e-4, atol=1e-9) else [place]
    else:
        return [] if computed == built else [place]
    return [
        found
        for key in keys
        for found in differences(computed[key], built[key], f"{place}/{key}")
    ]
