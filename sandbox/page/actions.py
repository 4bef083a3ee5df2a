"""What a tab does as its person."""

from typing import Any

import msgspec

from sandbox import interactions
from sandbox.page import wire
from sandbox.page.uploads import Uploads
from sandbox.people import Person
from sandbox.world import World

Interaction = wire.RunCommand | wire.RunMenu | wire.Complete | wire.Press | wire.SubmitModal
Utterance = (
    wire.Send | wire.Edit | wire.Delete | wire.React | wire.StartTyping | wire.StartThread | wire.OpenDM
)


class Actions:
    """Performs requests; what Discord's client would refuse raises `ActionRefusedError`."""

    def __init__(self, world: World, uploads: Uploads) -> None:
        self._world = world
        self._uploads = uploads

    async def interact(self, user_id: int, request: Interaction) -> wire.Answer:
        """Use a command, button, select or form, and return how the bot answered within 3 s."""
        person = Person(self._world, user_id)
        match request:
            case wire.RunCommand():
                answer = await self._run(person, request)
            case wire.RunMenu():
                channel_id, message_id = int(request.channel_id), int(request.message_id)
                answer = await interactions.run_menu(person, channel_id, request.name, message_id=message_id)
            case wire.Complete():
                channel_id, path = int(request.channel_id), request.path
                answer = await interactions.complete(
                    person, channel_id, path, request.options, request.focused
                )
            case wire.Press():
                channel_id, message_id = int(request.channel_id), int(request.message_id)
                answer = await interactions.press(
                    person, channel_id, message_id, request.custom_id, request.values
                )
            case wire.SubmitModal():
                answer = await self._submit(person, request)
        return wire.Answer(
            id=answer["id"], kind=answer["kind"], modal=answer["modal"], choices=answer["choices"]
        )

    def speak(self, user_id: int, request: Utterance) -> str | wire.Channel | None:
        """Do what needs no bot; returns the id of the new message or thread, or the DM channel."""
        person = Person(self._world, user_id)
        match request:
            case wire.Send():
                return self._send(person, request)
            case wire.Edit():
                person.edit(int(request.channel_id), int(request.message_id), request.content)
            case wire.Delete():
                person.delete(int(request.channel_id), int(request.message_id))
            case wire.React():
                person.react(int(request.channel_id), int(request.message_id), request.emoji, on=request.on)
            case wire.StartTyping():
                person.typing(int(request.channel_id))
            case wire.StartThread():
                message_id = int(request.message_id) if request.message_id else None
                thread = person.start_thread(int(request.channel_id), request.name, message_id=message_id)
                return str(thread["id"])
            case wire.OpenDM():
                return msgspec.convert(person.open_dm(), wire.Channel)
        return None

    def _send(self, person: Person, request: wire.Send) -> str:
        files = self._uploads.take(request.uploads)
        reply_to = int(request.reply_to) if request.reply_to else None
        message = person.send(int(request.channel_id), request.content, files=files, reply_to=reply_to)
        return str(message["id"])

    async def _run(self, person: Person, request: wire.RunCommand) -> dict[str, Any]:
        files = {name: self._uploads.take([key])[0] for name, key in request.files.items()}
        options = request.options | files
        return await interactions.run_command(person, int(request.channel_id), request.path, options)

    async def _submit(self, person: Person, request: wire.SubmitModal) -> dict[str, Any]:
        files = {name: self._uploads.take(keys) for name, keys in request.files.items()}
        return await interactions.submit_modal(person, int(request.interaction_id), request.values | files)
