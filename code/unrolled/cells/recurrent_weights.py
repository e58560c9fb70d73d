"""Initialisation of the hidden-to-hidden matrix W_h.

Each initialisation is a function of (rng, H) that returns an (H, H) float64 array. They differ in
how fast a vector that is multiplied by W_h again and again shrinks or grows.
"""

import numpy as np

from unrolled.arguments import names_arguments, shaped


@names_arguments
def uniform(rng, H):
    """Returns entries uniform within ±1/√H, as in the posts: variance 1/(3H), radius about 0.58."""
    return rng.uniform(-1, 1, (H, H)) / np.sqrt(H)


@names_arguments
def gaussian(rng, H):
    """Returns entries normal with variance 1/H.

    By the circular law the spectral radius is near 1 for large H, and the spectral norm near 2.
    """
    return rng.standard_normal((H, H)) / np.sqrt(H)


@names_arguments
def orthogonal(rng, H):
    """Returns a random orthogonal matrix: every singular value is 1 (Saxe et al., 2014).

    The signs of R's diagonal make the distribution uniform over the orthogonal matrices.
    """
    Q, R = np.linalg.qr(rng.standard_normal((H, H)))
    return Q * np.sign(np.diag(R))


@names_arguments
def identity(rng, H):
    """Returns the identity (Le, Jaitly & Hinton, 2015). ``rng`` is not used."""
    return np.eye(H)


@names_arguments(W=shaped("H H"))
def spectral_radius(W):
    """Returns the largest magnitude of an eigenvalue of W."""
    return float(np.abs(np.linalg.eigvals(W)).max())


@names_arguments(W=shaped("M N"))
def spectral_norm(W):
    """Returns σ_max: by how much W can lengthen a vector."""
    return float(np.linalg.norm(W, 2))


@names_arguments(W=shaped("H H"))
def with_spectral_radius(W, radius):
    """Returns W times the factor that makes its spectral radius ``radius``.

    Args:
        W: (H, H).
        radius: at least 0; 0 gives the zero matrix.

    Raises:
        ValueError: a radius that is negative or not finite, or a W whose radius is 0, which no
            factor changes.
    """
    if not 0 <= radius < np.inf:
        raise ValueError(f"the radius must be at least 0 and finite, got {radius}")
    now = spectral_radius(W)
    if now == 0 and radius > 0:
        raise ValueError(f"W has spectral radius 0: no factor makes it {radius}")
    return W * (radius / now if radius else 0.0)
