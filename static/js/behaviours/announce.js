// Says aloud what a swap changed: the fragment carries data-announce ("38 invoices"), the polite region repeats it.
export function say(text) {
  const region = document.querySelector('[data-behaviour~="announce"]');
  if (!region || !text) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

export default function announce() {
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx.target;
    const spoken = target?.closest?.("[data-announce]") ?? target?.querySelector?.("[data-announce]");
    say(spoken?.dataset.announce);
  });
}
