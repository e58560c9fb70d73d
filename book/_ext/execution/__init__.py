"""Pages executed when what they reach has changed.

fingerprint     What a page reaches, as a hash; neither myst-nb nor jupyter-cache follows imports.
forked_kernels  Kernels that begin with their imports done, by jupyter_client's provisioners.
kernel_nursery  The process that such kernels are copies of.
outputs         Runs kernels with nbclient; myst-nb reads the outputs by nb_custom_formats.
"""
