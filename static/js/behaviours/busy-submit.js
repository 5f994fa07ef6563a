// Stops the second of two clicks: a form is sent once, and its button says so. The server holds the same rule by itself.
export default function busySubmit(form) {
  const release = () => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('[aria-busy="true"]')) {
      button.removeAttribute("aria-busy");
      button.style.minInlineSize = "";
      button.replaceChildren(...(button.restLabel ?? []));
    }
  };

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (!button?.dataset.busyLabel) return;
    // The button keeps its width, and is not disabled: a disabled one would drop its own name from the form.
    button.style.minInlineSize = `${button.offsetWidth}px`;
    button.restLabel = [...button.childNodes];
    button.textContent = button.dataset.busyLabel;
    button.setAttribute("aria-busy", "true");
  }, { capture: true });

  form.addEventListener("htmx:finally:request", release);
  window.addEventListener("pageshow", (event) => { if (event.persisted) release(); });
}
