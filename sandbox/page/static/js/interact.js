/** Starting an interaction with the bot and showing how it answered. */
import { signal } from "./ui.js";
import { request } from "./socket.js";
import { toast } from "./toast.js";

/** The form that the bot wants filled in: its interaction and Discord's modal. */
export const openModal = signal(/** @type {{id: string, modal: object} | null} */ (null));

/**
 * Ask and show the answer; returns whether the bot answered.
 * @param {"command" | "menu" | "component" | "modal"} op
 * @param {object} fields
 */
export async function interact(op, fields) {
  try {
    const answer = await request(op, fields);
    if (answer.kind === null) toast("The application did not respond.");
    if (answer.modal) openModal.value = { id: answer.id, modal: answer.modal };
    return answer.kind !== null;
  } catch (error) {
    toast(error.message);
    return false;
  }
}
