// The palette: a combobox over a list that the server sends. The focus stays in the field; the arrows move the choice
// (WAI-ARIA, combobox with a listbox). Without this file its opener is a link to the same search as a page.
export default function palette(box) {
  const input = box.querySelector("[role=combobox]");
  const said = box.querySelector("[data-said]");
  const options = () => [...box.querySelectorAll("[role=option]")];
  let stale = false;
  let wanted = false;

  function choose(option) {
    for (const each of options()) each.setAttribute("aria-selected", String(each === option));
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }
  function open() {
    box.showModal();
    input.select();
    input.dispatchEvent(new Event("palette:look"));
  }
  const chosen = () => options().find((each) => each.getAttribute("aria-selected") === "true");

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (box.open) box.close(); else open();
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-palette]");
    if (opener && !event.metaKey && !event.ctrlKey) { event.preventDefault(); open(); }
    if (event.target === box || (box.contains(event.target) && event.target.closest("[data-close]"))) box.close();
  });
  input.addEventListener("input", () => { stale = true; wanted = false; });
  input.addEventListener("keydown", (event) => {
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
    } else if (event.key === "Enter" && !event.isComposing) {
      // What is shown answers an earlier word: the choice waits for this one's answer. Enter again asks the page.
      if (stale ? wanted : !chosen()) return;
      event.preventDefault();
      if (stale) wanted = true; else chosen().click();
    }
  });
  box.addEventListener("htmx:after:swap", () => {
    const list = box.querySelector("#palette-list");
    if (!list) { location.reload(); return; } // the session has ended
    stale = list.dataset.answers !== input.value;
    if (stale) return; // an answer to what stood there before
    const [first] = options();
    input.setAttribute("aria-expanded", String(Boolean(first)));
    choose(first);
    said.textContent = box.querySelector("#palette-results [data-said]:last-child")?.dataset.said ?? "";
    if (wanted) first?.click();
    wanted = false;
  });
}
