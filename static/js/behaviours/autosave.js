// A form that keeps itself waits for a save under way before it is sent: else a new draft would be made twice.
export default function autosave(form) {
  const saver = form.querySelector("[data-saves]");
  let saving = false;
  let waiting = null;

  saver.addEventListener("htmx:before:request", () => { saving = true; });
  saver.addEventListener("htmx:finally:request", () => {
    saving = false;
    if (waiting) { const by = waiting; waiting = null; form.requestSubmit(by.button); }
  });

  form.addEventListener("submit", (event) => {
    if (!saving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = { button: event.submitter };
  }, { capture: true });
}
