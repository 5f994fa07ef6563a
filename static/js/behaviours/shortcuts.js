// Keys for what is done often. A single key acts only outside fields, and not at all where the person has switched that
// off (WCAG 2.1.4). Any link or button with data-key="a" is pressed by that key.
const FIELD = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";
const ROWS = "main tr:is([data-row], [data-row-url])";
const WAIT_MS = 1500;
const seen = (element) => element.checkVisibility({ visibilityProperty: true });

export default function shortcuts(body) {
  let going = 0;
  const press = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)].find(seen);
    found?.click();
    return Boolean(found);
  };
  const row = () => document.activeElement.closest(ROWS);
  const move = (step) => {
    const all = [...document.querySelectorAll(ROWS)].filter(seen);
    const at = all.indexOf(row());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.querySelector("a[href]")?.focus();
    return all.length > 0;
  };
  const create = () => press('.page-head .actions a[href$="/new"]') || (body.dataset.create && !location.assign(body.dataset.create));
  const search = () => {
    const field = [...document.querySelectorAll("main input[type=search]")].find(seen);
    if (field) field.select();
    field?.focus();
    return field ? true : press("[data-palette]");
  };
  const sheet = () => { document.getElementById("keys")?.showModal(); return true; };
  const alone = {
    c: create, j: () => move(1), k: () => move(-1), x: () => { const box = row()?.querySelector('input[name="selected"]'); box?.click(); return box; },
    e: () => press('main [data-export], main a[href*="/exports/new"]'), "/": search, "?": sheet, g: () => { going = Date.now(); return true; },
  };

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const done = (acted) => { if (acted) event.preventDefault(); };
    if (event.ctrlKey || event.metaKey) {
      const form = target.closest("form") ?? document.querySelector("dialog[open] form") ?? document.querySelector('main form[method="post"]');
      const button = form?.querySelector('[type=submit]:is([data-kind="primary"], [data-kind="danger"])');
      if (key === "Enter" && form && !button?.ariaDisabled) done(!form.requestSubmit(button));
      else if (key === "s") done(press('[data-save], main form button[name="action"][value="save"]'));
      else if (key === "z" && !target.closest(FIELD)) done(press("[data-undo]"));
      return;
    }
    if (body.dataset.keys === "off" || target.closest(FIELD) || (event.shiftKey && /^[a-z]$/i.test(key))) return;
    const box = document.querySelector("dialog[open]");
    const went = !box && Date.now() - going < WAIT_MS && document.querySelector(`[data-go="${CSS.escape(key.toLowerCase())}"]`);
    going = 0;
    if (went) done(!went.click());
    else if (!press(`[data-key="${CSS.escape(key.toLowerCase())}"]`, box ?? document)) done(!box && alone[key.toLowerCase()]?.());
    else event.preventDefault();
  });
}
