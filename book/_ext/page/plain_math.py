"""LaTeX of the simple kind as plain text: what a title attribute can show and a reader can type."""

from __future__ import annotations

import re
import unicodedata

LETTERS = """
    alpha beta gamma delta epsilon zeta eta theta kappa mu
    nu xi pi rho sigma tau phi chi psi omega
"""
GREEK = {
    name: unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}")
    for name in LETTERS.split()
} | {"lambda": "λ"}
SIGNS = {
    "partial": "∂",
    "odot": "⊙",
    "sum": "Σ",
    "lVert": "‖",
    "rVert": "‖",
    "dots": "…",
    "cdot": "·",
    "times": "×",
    "in": "∈",
    "le": "≤",
    "ge": "≥",
    "approx": "≈",
    "infty": "∞",
    "top": "ᵀ",
}
MARKS = {  # over a letter
    "tilde": "\u0303",
    "hat": "\u0302",
    "bar": "\u0304",
    "overrightarrow": "\u20d7",
    "overleftarrow": "\u20d6",
}
NAMES = {sign: name for name, sign in (GREEK | SIGNS).items() if sign != "‖"}


def text(latex: str) -> str:
    r"""Return a formula in letters and signs: `\tilde h_t` -> `h̃_t`."""
    for mark, sign in MARKS.items():
        latex = re.sub(rf"\\{mark}\s*(?:\{{(\w)\}}|(\w))", rf"\1\2{sign}", latex)
    latex = re.sub(
        r"\\(?:mathrm|operatorname|text|mathcal|mathbf)\s*(?:\{([^{}]*)\}|(\w))\s*",
        r"\1\2",
        latex,
    )
    latex = re.sub(r"\\[,;:! ]", " ", latex)
    latex = re.sub(
        r"\\([A-Za-z]+)\s*", lambda m: (GREEK | SIGNS).get(m[1]) or f"{m[1]} ", latex
    )
    latex = re.sub(r"\s+‖", "‖", latex)
    latex = re.sub(r"([_^])\{([^{}]*)\}", group, latex)
    return unicodedata.normalize(
        "NFC", re.sub(r"\s+", " ", re.sub(r"[{}]", "", latex)).strip()
    )


def group(match: re.Match[str]) -> str:
    """Return an index or exponent, in brackets if it has more than one sign."""
    inner = match[2].strip()
    plain = len(inner) == 1 or inner.startswith("(") or inner.isalpha()
    return match[1] + (inner if plain else f"({inner})")


def typed(words: str) -> str:
    """Return a text as one types it: `δ_t` -> `delta_t`, `h̃` -> `tilde h`."""
    words = unicodedata.normalize("NFD", words)
    for mark, sign in MARKS.items():
        words = re.sub(rf"(\w){sign}", rf"{mark} \1", words)
    return re.sub(
        "([" + "".join(NAMES) + r"])(?=(\w)?)",
        lambda m: NAMES[m[1]] + (" " if m[2] and m[2] != "_" else ""),
        words,
    )
