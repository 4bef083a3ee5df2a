import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.endpoints import api_base, point_discord_py
from config.settings import Settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("ending", ["", "/", "/api", "/api/", "/api/v10", "/api/v10/"])
def test_the_version_path_may_be_given_or_not(ending: str) -> None:
    assert api_base("http://localhost:1" + ending) == "http://localhost:1/api/v10"


@pytest.mark.parametrize("host", ["http://api.example.org", "http://api-v2.local"])
def test_a_host_may_be_called_api(host: str) -> None:
    assert api_base(host) == f"{host}/api/v10"


@pytest.mark.usefixtures("unpointed")
def test_without_settings_discord_itself_is_meant() -> None:
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY

    point_discord_py(Settings())

    assert before == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)


@pytest.mark.usefixtures("unpointed")
def test_another_discord_is_reached_by_both_addresses() -> None:
    settings = Settings(discord_api_url="http://localhost:1", discord_gateway_url="ws://localhost:2/gateway")

    point_discord_py(settings)

    assert (Route.BASE, str(DiscordWebSocket.DEFAULT_GATEWAY)) == (
        "http://localhost:1/api/v10",
        "ws://localhost:2/gateway",
    )
