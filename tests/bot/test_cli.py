import signal
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from typing_extensions import override

from bot.cli import EXIT_INTERRUPTED, main

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("given", [[], ["conquer"], ["doctor", "--unknown"]])
def test_what_nobody_knows_is_a_usage_error(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(given)

    assert end.value.code == 2
    assert "usage: troupe" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])

    assert end.value.code == 0
    words = capsys.readouterr().out
    assert all(command in words for command in ("run", "migrate", "doctor", "sandbox", "bench"))


@pytest.mark.parametrize("command", ["run", "migrate", "doctor"])
def test_an_expected_error_is_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TROUPE_OWNER_ID", "not a number")

    code = main([command])

    assert code == 1
    assert capsys.readouterr().err.startswith("troupe: Bad setting")


@pytest.mark.parametrize("package", ["sandbox", "bench"])
def test_packages_above_the_bot_take_this_process_over(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[Sequence[str]] = []

    class Replaced(BaseException):
        pass

    def execv(_path: str, arguments: Sequence[str]) -> None:
        became.append(arguments)
        raise Replaced

    monkeypatch.setattr("os.execv", execv)
    monkeypatch.setattr(sys, "argv", ["troupe", package, "--port", "0"])

    with pytest.raises(Replaced):
        main()

    assert became == [[sys.executable, "-m", package, "--port", "0"]]


class CtrlC(MetaPathFinder):
    """Is pressed when the first module of `troupe run` is looked for."""

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        if fullname == "bot.run":
            signal.raise_signal(signal.SIGINT)
        return None


def test_ctrl_c_during_the_first_second_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bot.run", raising=False)
    monkeypatch.setattr(sys, "meta_path", [CtrlC(), *sys.meta_path])

    assert main(["run"]) == EXIT_INTERRUPTED
