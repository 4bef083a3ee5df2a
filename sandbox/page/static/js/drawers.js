/** Which side panel is open where there is no room for it beside the log. */
import { signal } from "./ui.js";

export const drawer = signal(/** @type {"channels" | "members" | null} */ (null));

/** @param {"channels" | "members"} name */
export function toggleDrawer(name) {
  drawer.value = drawer.value === name ? null : name;
}
