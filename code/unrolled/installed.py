"""The versions of the installed packages, by the names that they are imported by."""

from importlib import metadata


def version(module):
    """Returns the version of the package that a module comes from.

    TensorFlow's package, for example, is called tensorflow or tensorflow-cpu.

    Args:
        module: the name by which the package is imported, or that of the package itself.

    Raises:
        PackageNotFoundError: no such package is installed.
    """
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        packages = metadata.packages_distributions().get(module)
        if not packages:
            raise
        return metadata.version(packages[0])
