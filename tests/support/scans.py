"""The forms in which a linear recurrence is computed, for the tests of all that use them."""

from functools import partial

from unrolled.layers import scan

SCANS = {
    "sequential": scan.sequential,
    "hillis_steele": scan.hillis_steele,
    "blelloch": scan.blelloch,
    "chunked": scan.chunked,
    "chunks of 1": partial(scan.chunked, chunk=1),
    "chunks of 4": partial(scan.chunked, chunk=4),
    "one chunk": partial(scan.chunked, chunk=1000),
}
# These need the same factor at every step.
INVARIANT = {**SCANS, "convolution": scan.convolution}
