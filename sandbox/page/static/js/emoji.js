/** A small set of emoji with the names people type after a colon. */
const TABLE = `😀 grinning|😄 smile|😂 joy|🤣 rofl|😊 blush|😉 wink|😍 heart_eyes|🥰 smiling_hearts|😎 sunglasses|🤔 thinking
😅 sweat_smile|😇 innocent|🙂 slight_smile|🙃 upside_down|😏 smirk|😌 relieved|😴 sleeping|🥱 yawning|😭 sob|😢 cry
😡 rage|😱 scream|🤯 exploding_head|😳 flushed|🥺 pleading|🤗 hug|🤫 shushing|🫡 salute|🫠 melting|🤡 clown
👍 thumbsup|👎 thumbsdown|👏 clap|🙌 raised_hands|🙏 pray|👋 wave|🤝 handshake|💪 muscle|👀 eyes|🧠 brain
❤️ heart|🧡 orange_heart|💛 yellow_heart|💚 green_heart|💙 blue_heart|💜 purple_heart|🖤 black_heart|💔 broken_heart|✨ sparkles|⭐ star
🔥 fire|🎉 tada|🎭 performing_arts|🎬 clapper|🎤 microphone|🎶 notes|🎨 art|🎲 game_die|🏆 trophy|🎁 gift
☕ coffee|🍵 tea|🍰 cake|🍕 pizza|🍎 apple|🌹 rose|🌻 sunflower|🌲 evergreen|🌙 moon|☀️ sunny
🐱 cat|🐶 dog|🦊 fox|🐻 bear|🐦 bird|🦉 owl|🐉 dragon|🦄 unicorn|🐢 turtle|🐝 bee
✅ white_check_mark|❌ x|❓ question|❗ exclamation|💯 hundred|💡 bulb|📌 pushpin|📎 paperclip|📝 memo|🚀 rocket`;

/** @type {{emoji: string, name: string}[]} */
export const EMOJI = TABLE.split(/[|\n]/).map((entry) => {
  const [emoji, name] = entry.split(" ");
  return { emoji, name };
});

/** What is offered first under a message. */
export const QUICK = ["❤️", "😂", "👏", "🎭", "👍", "😮"];

/** @param {string} start */
export function emojiStarting(start) {
  const wanted = start.toLowerCase();
  return EMOJI.filter(({ name }) => name.startsWith(wanted)).concat(
    EMOJI.filter(({ name }) => !name.startsWith(wanted) && name.includes(wanted)),
  );
}
