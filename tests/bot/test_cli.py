import sys
from collections.abc import Sequence

import pytest

from bot.cli import main

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
