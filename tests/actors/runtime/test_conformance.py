import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.service

ROOT = Path(__file__).parents[3]
SOURCE = "pykka-4.5.0"
CACHE = ROOT / ".cache" / "pykka"
FIXTURE = '@pytest.fixture(scope="session", params=RUNTIMES.values())'
OURS = f"from pykka_runtimes import runtimes\n\nRUNTIMES = runtimes(Runtime)\n\n\n{FIXTURE}"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = CACHE / f"{SOURCE}.tar.gz"
    if not archive.exists():
        _download()
    if not archive.exists():
        pytest.skip("Pykka's source distribution can't be had here; our own tests hold the same semantics")
    folder = tmp_path_factory.mktemp("suite")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    conftest = folder / SOURCE / "tests" / "conftest.py"
    text = conftest.read_text()
    assert FIXTURE in text
    conftest.write_text(text.replace(FIXTURE, OURS))
    return folder / SOURCE


def _download() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps"]
    subprocess.run([*command, "-d", CACHE, "pykka==4.5.0"], check=False, timeout=50, capture_output=True)


def test_pykkas_own_suite_passes_on_our_runtimes(suite: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    plugins = ["no:randomly", "no:simcord", "no:cacheprovider", "no:asyncio", "no:xdist"]
    options = [part for plugin in plugins for part in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", "-q", *options, "--rootdir", ".", "tests"]
    ran = subprocess.run(
        command,
        cwd=suite,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
        capture_output=True,
        timeout=55,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert int(re.findall(r"(\d+) passed", ran.stdout)[0]) >= 2 * 142
