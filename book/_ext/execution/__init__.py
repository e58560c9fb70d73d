"""Pages executed when what they reach has changed.

fingerprint    What a page reaches, as a hash; neither myst-nb nor jupyter-cache follows imports.
outputs        Runs kernels with nbclient; myst-nb reads the outputs by nb_custom_formats.
recorded_runs  What the cell of a knob shows for each value that the knob records.
"""
