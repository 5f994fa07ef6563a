// Attaches each behaviour to the elements that ask for it by name. A page without this file still works.
import announce from "./behaviours/announce.js";
import autosave from "./behaviours/autosave.js";
import busySubmit from "./behaviours/busy-submit.js";
import copy from "./behaviours/copy.js";
import dialog from "./behaviours/dialog.js";
import focus from "./behaviours/focus.js";
import lines from "./behaviours/lines.js";
import menu from "./behaviours/menu.js";
import passkey from "./behaviours/passkey.js";
import palette from "./behaviours/palette.js";
import rowLink from "./behaviours/row-link.js";
import selection from "./behaviours/selection.js";
import shortcuts from "./behaviours/shortcuts.js";
import theme from "./behaviours/theme.js";
import toast from "./behaviours/toast.js";
import unsaved from "./behaviours/unsaved.js";
import refuseWholePages from "./whole-pages.js";

const behaviours = {
  announce, autosave, "busy-submit": busySubmit, copy, dialog, focus, lines, menu, palette, passkey,
  "row-link": rowLink, selection, shortcuts, theme, toast, unsaved,
};
const attached = new WeakSet();

function attach(root) {
  for (const element of root.querySelectorAll("[data-behaviour]")) {
    if (attached.has(element)) continue;
    attached.add(element);
    for (const name of element.dataset.behaviour.split(" ")) behaviours[name]?.(element);
  }
}

attach(document);
// The navigation is longer than most screens: it begins where one is.
document.querySelector(".side [aria-current=page]")?.scrollIntoView({ block: "nearest" });
document.addEventListener("htmx:after:swap", () => attach(document));
document.addEventListener("htmx:after:request", refuseWholePages);
