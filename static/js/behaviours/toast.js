// One toast at a time. It leaves after six seconds unless it carries an action or is being read; never used for errors.
const SHOWN_MS = 6000;

export default function toast(list) {
  const next = () => {
    const [first, ...waiting] = list.querySelectorAll(".toast");
    if (!first) return;
    for (const later of waiting) later.hidden = true;
    first.hidden = false;
    let timer = 0;
    const leave = () => { clearTimeout(timer); first.remove(); next(); };
    const start = () => { if (!first.querySelector("[data-action]")) timer = setTimeout(leave, SHOWN_MS); };
    first.querySelector("[data-dismiss]")?.addEventListener("click", leave);
    first.addEventListener("pointerenter", () => clearTimeout(timer));
    first.addEventListener("pointerleave", start);
    first.addEventListener("focusin", () => clearTimeout(timer));
    start();
  };
  next();
}
