"""How a test written in Python reports itself skipped: a line with the reason, and the exit status that ctest knows.

    sys.path.insert(1, FOLDER OF THIS FILE)
    from skips import fashion, require, skip"""
import importlib
import pathlib
import sys

SKIPPED = 77
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def skip(reason):
    """Ends the test."""
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def require(*names):
    """Imports the packages; the test is skipped where one is absent."""
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError as e:
            skip(f"no Python package '{name}' ({e})")
    return modules


def fashion():
    """The folder of Fashion-MNIST; the test is skipped where it is absent."""
    if not FASHION.is_dir():
        skip(f"dataset-fashion-mnist is not installed (no '{FASHION}')")
    return FASHION
