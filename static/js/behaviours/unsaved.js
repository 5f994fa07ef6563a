// What somebody has typed is not lost by a slip: leaving, or a swap that would take the form away, asks first. A form
// says data-unsaved="off" where nothing is lost, and fires "saved" when the server has kept it.
const ASKED = "What you have typed is not saved. Leave it?";

export default function unsaved(body) {
  const changed = new Set();
  const lost = () => [...changed].filter((form) => form.isConnected);
  const posts = (form) => form?.getAttribute("method") === "post" && form.dataset.unsaved !== "off" && form.closest("main");

  // A form that came back with faults holds what was typed, and nothing of it is kept.
  for (const form of document.querySelectorAll('main form[method="post"]')) {
    if (posts(form) && form.querySelector('[data-state="error"]')) changed.add(form);
  }
  body.addEventListener("input", (event) => { if (posts(event.target.form)) changed.add(event.target.form); });
  body.addEventListener("submit", (event) => changed.delete(event.target));
  body.addEventListener("saved", (event) => changed.delete(event.target));
  window.addEventListener("beforeunload", (event) => { if (lost().length) event.preventDefault(); });
  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement, target } = event.detail.ctx;
    const taken = lost().some((form) => target?.contains?.(form) && !form.contains(sourceElement));
    if (taken && !window.confirm(ASKED)) event.preventDefault();
  });
}
