"""What tests of foreign clients share."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.tools import output_of

NODE = Path(__file__).with_name("node")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node client with its packages, installed by the hashes of its lock file."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("no Node here: the Node client is not run")
        pytest.skip("node or npm is not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.js", "watch.js"):
        shutil.copy(NODE / name, folder)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        installed = output_of(install, folder)
    except subprocess.TimeoutExpired:
        pytest.skip("npm could not install the client's packages in time")
    if installed.returncode:
        print(installed.stderr)
        pytest.skip("npm could not install the client's packages")
    return folder
