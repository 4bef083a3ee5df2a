/** People, channels and roles as things to choose. */
import { channels, members, nameOf, roles, titleOf, DM } from "./store.js";

const PEOPLE = "people";
const CHANNELS = "channels";
const ROLES = "roles";

const SELECTS = { 5: [PEOPLE], 6: [ROLES], 7: [PEOPLE, ROLES], 8: [CHANNELS] };
const OPTIONS = { 6: [PEOPLE], 7: [CHANNELS], 8: [ROLES], 9: [PEOPLE, ROLES] };

/** @param {number} type of a select component */
export const choicesOfSelect = (type) => choices(SELECTS[type] ?? []);

/** @param {number} type of a command's option */
export const choicesOfOption = (type) => choices(OPTIONS[type] ?? []);

function choices(kinds) {
  return kinds.flatMap((kind) => {
    if (kind === PEOPLE) return members.value.map((user) => ({ value: user.id, label: nameOf(user) }));
    if (kind === CHANNELS) {
      const listed = channels.value.filter((channel) => channel.type !== DM);
      return listed.map((channel) => ({ value: channel.id, label: `#${titleOf(channel)}` }));
    }
    return roles.value.map((role) => ({ value: role.id, label: `@${role.name}` }));
  });
}
