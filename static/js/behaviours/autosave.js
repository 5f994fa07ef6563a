// A form that keeps itself says so once the server has kept all that was typed, and waits for a save under way before it
// is sent: else a new draft would be made twice.
export default function autosave(form) {
  const saver = form.querySelector("[data-saves]");
  let saving = false;
  let typed = false;
  let waiting = null;

  form.addEventListener("input", () => { typed = true; });
  saver.addEventListener("htmx:before:request", () => { saving = true; typed = false; });
  saver.addEventListener("htmx:finally:request", () => {
    saving = false;
    if (!typed && saver.querySelector("[data-kept]")) form.dispatchEvent(new Event("saved", { bubbles: true }));
    if (waiting) { const by = waiting; waiting = null; form.requestSubmit(by.button); }
  });

  form.addEventListener("submit", (event) => {
    if (!saving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = { button: event.submitter };
  }, { capture: true });
}
