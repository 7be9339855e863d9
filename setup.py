"""Only what pyproject.toml cannot say: the cffi extension. Everything else stands there."""

from setuptools import setup

setup(cffi_modules=["cffi_src/build.py:ffibuilder"])
