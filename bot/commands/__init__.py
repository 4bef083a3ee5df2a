"""The slash commands, one module per group, and the one place that registers them."""

from bot.commands.channel import ChannelCommands
from bot.commands.character import CharacterCommands
from bot.commands.deletion import UndoDelete
from bot.commands.failures import answer_failure
from bot.commands.guide import help_command
from bot.commands.model import model_command, model_line
from bot.commands.services import Services, Tree

__all__ = ["Services", "model_line", "register"]


def register(tree: Tree, services: Services) -> None:
    """Add every command to `tree`, with one handler for whatever goes wrong in them."""
    tree.error(answer_failure)
    tree.add_command(ChannelCommands(services))
    tree.add_command(CharacterCommands(services))
    tree.add_command(model_command(services))
    tree.add_command(help_command)
    tree.client.add_dynamic_items(UndoDelete.bound_to(services))
