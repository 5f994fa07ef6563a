// Chosen rows of a list: the head's box takes the page, Shift takes a range, the count is said, and a list that is
// narrowed anew begins with nothing. The boxes and buttons are a plain form and work without this file.
import { say } from "./announce.js";

const NAMED = 'input[type="checkbox"][name="selected"]';

export default function selection(form) {
  const boxes = [...form.querySelectorAll(NAMED)];
  const head = form.querySelector("[data-all]");
  const everything = form.querySelector('[name="everything"]');
  const count = form.querySelector("[data-count]");
  let last = null;

  const tell = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    const page = chosen > 0 && chosen === boxes.length;
    form.toggleAttribute("data-page", page);
    if (everything && !page) everything.checked = false;
    head.checked = page;
    head.indeterminate = chosen > 0 && !page;
    const all = everything?.checked;
    count.textContent = all ? everything.parentElement.textContent.trim().replace(/^Select all/, "All") + "."
      : page && boxes.length > 1 ? `${chosen} on this page selected.` : chosen ? `${chosen} selected.` : "";
    for (const box of boxes) box.closest("tr").toggleAttribute("data-chosen", box.checked);
    say(count.textContent);
  };

  head.hidden = false;
  form.setAttribute("data-ready", "");
  form.addEventListener("click", (event) => {
    if (!event.target.matches(NAMED)) return;
    if (event.shiftKey && last !== null) {
      const here = boxes.indexOf(event.target);
      const [from, to] = [Math.min(last, here), Math.max(last, here)];
      for (const box of boxes.slice(from, to + 1)) box.checked = event.target.checked;
    }
    last = boxes.indexOf(event.target);
  });
  form.addEventListener("change", (event) => {
    if (event.target === head) for (const box of boxes) box.checked = head.checked;
    tell();
  });
  // A page that comes back from the history has kept its ticks.
  if (boxes.some((box) => box.checked)) tell();

  const swapped = (event) => {
    if (!form.isConnected) document.removeEventListener("htmx:before:swap", swapped);
    if (!event.detail.ctx.target?.contains?.(form) || !boxes.some((box) => box.checked)) return;
    document.addEventListener("htmx:after:swap", () => {
      const note = document.querySelector("[data-cleared]");
      if (!note) return;
      note.hidden = false;
      setTimeout(() => say(note.textContent), 150);
    }, { once: true });
  };
  document.addEventListener("htmx:before:swap", swapped);
}
