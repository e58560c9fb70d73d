"""Calls of every public function, wrong inputs made of them, and what must come of each.

``calls`` has one valid call of each function, ``changes`` makes one argument of it wrong, or lays
it out differently, and ``verdict`` says whether the answer was right, refused, or neither.
"""
