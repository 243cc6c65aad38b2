"""What pyproject.toml cannot say: how the extension is built, and where."""

import shutil
from pathlib import Path

from setuptools import setup

# Nothing is built in the source folder, and nothing is left of earlier builds.
WORK = Path(__file__).resolve().parents[2] / "target/python"
shutil.rmtree(WORK / "build", ignore_errors=True)
WORK.mkdir(parents=True, exist_ok=True)

setup(
    cffi_modules=["build_native.py:builder"],
    options={
        "build": {"build_base": str(WORK / "build")},
        "egg_info": {"egg_base": str(WORK)},
        # The extension uses the stable ABI of Python: one wheel for all versions.
        "bdist_wheel": {"py_limited_api": "cp310"},
    },
)
