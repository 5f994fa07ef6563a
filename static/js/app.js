// What a page does beyond its links and forms: each behaviour is attached to the elements that ask for it by name. A page
// without this file still works. It is one file, since each further one is asked for, checked and begun on every page.

// Says aloud what a swap changed: the fragment carries data-announce ("38 invoices"), the polite region repeats it.
function say(text) {
  const region = document.querySelector('[data-behaviour~="announce"]');
  if (!region || !text) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

function announce() {
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx.target;
    const spoken = target?.closest?.("[data-announce]") ?? target?.querySelector?.("[data-announce]");
    say(spoken?.dataset.announce);
  });
}

// A form that keeps itself says so once the server has kept all that was typed, and waits for a save under way before it
// is sent: else a new draft would be made twice.
function autosave(form) {
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

// Stops the second of two clicks: a form is sent once, and its button says so. The server holds the same rule by itself.
function busySubmit(form) {
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

// Copies a value to the clipboard and says that it did. Shown only where a clipboard exists.

function copy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  let timer = 0;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copyFrom ?? "");
    await navigator.clipboard.writeText(button.dataset.copyText ?? source?.textContent.trim() ?? "");
    say(button.dataset.copied);
    button.dataset.state = "done";
    clearTimeout(timer);
    timer = setTimeout(() => { delete button.dataset.state; }, 2000);
  });
}

// Opens a dialog from a link that leads to the same question as a page, so that nothing is lost without JavaScript.
function dialog(opener) {
  const box = document.getElementById(opener.dataset.dialog);
  if (!box?.showModal) return;
  opener.hidden = false;
  opener.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    box.showModal();
  });
  box.addEventListener("click", (event) => {
    if (event.target === box || event.target.closest("[data-close]")) box.close();
  });
}

// After a swap the keyboard stands where the eye does: a failed form's summary, an opened record's heading, the row that
// follows a removed one. A filtered list keeps the focus it had.
const TAKES_FOCUS = ".error-summary, [data-focus]";

function focus(main) {
  let rowIndex = -1;
  let table = null;

  document.addEventListener("htmx:before:request", (event) => {
    const row = event.detail.ctx.sourceElement?.closest?.("tbody tr");
    table = row?.closest("table") ?? null;
    rowIndex = row ? [...row.parentElement.rows].indexOf(row) : -1;
  });

  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx.target;
    const wanted = target?.querySelector?.(TAKES_FOCUS) ?? (target?.matches?.(TAKES_FOCUS) ? target : null);
    if (wanted) {
      // A control keeps its place in the order of the keyboard; anything else is only made able to take the focus.
      if (!wanted.matches("a, button, input, select, textarea")) wanted.tabIndex = -1;
      wanted.focus();
    } else if (document.activeElement === document.body) {
      const rows = table?.isConnected ? table.tBodies[0]?.rows : null;
      const row = rows?.[Math.min(rowIndex, rows.length - 1)];
      (row?.querySelector("a, button") ?? main).focus({ preventScroll: !row });
    }
  });

  document.querySelector(".error-summary")?.focus();
}

// Lines of a draft by hand: Enter adds a row, rows copied from a spreadsheet become lines. Without this there are buttons.
function lines(holder) {
  const press = (action) => holder.querySelector(`button[value="${action}"]`)?.click();

  holder.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey && !event.isComposing;
    if (event.key !== "Enter" || !plain || !event.target.matches(".bill-line > .field .input")) return;
    event.preventDefault();
    press("add");
  });

  holder.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const pasted = holder.querySelector("textarea[name=pasted]");
    if (!text.includes("\t") || !pasted || event.target === pasted) return;
    event.preventDefault();
    pasted.value = text;
    press("paste");
  });
}

// A <details> that behaves as a menu: Escape and a click elsewhere close it, arrow keys walk through it.
function menu(details) {
  const summary = details.querySelector("summary");
  const items = () => [...details.querySelectorAll(".menu-panel :is(a, button)")];

  document.addEventListener("click", (event) => {
    if (details.open && !details.contains(event.target)) details.open = false;
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && details.open) {
      details.open = false;
      summary.focus();
      event.stopPropagation();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    details.open = true;
    const all = items();
    const next = all.indexOf(document.activeElement) + step;
    all[(next + all.length) % all.length]?.focus();
  });
}

// The palette: a combobox over a list that the server sends. The focus stays in the field; the arrows move the choice
// (WAI-ARIA, combobox with a listbox). Without this file its opener is a link to the same search as a page.
function palette(box) {
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

// WebAuthn speaks bytes, JSON speaks letters: base64url without padding (RFC 4648 section 5) stands between them.
function toBytes(text) {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Options as the server sent them, made ready for navigator.credentials.
export function readable(options) {
  const named = (list) => list?.map((entry) => ({ ...entry, id: toBytes(entry.id) }));
  return {
    ...options, challenge: toBytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: toBytes(options.user.id) } }),
    ...(options.excludeCredentials && { excludeCredentials: named(options.excludeCredentials) }),
    ...(options.allowCredentials && { allowCredentials: named(options.allowCredentials) }),
  };
}

// A credential from the authenticator, made ready for JSON.
export function sendable(credential) {
  const answer = credential.response;
  const response = { transports: answer.getTransports?.() };
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (answer[part]) response[part] = toText(answer[part]);
  }
  return {
    id: credential.id, rawId: toText(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment, clientExtensionResults: credential.getClientExtensionResults(),
  };
}

// Makes a passkey or proves one. The form's data-begin-url answers WebAuthn options; what the device signed goes into the
// form's hidden field "credential", and the form is sent like any other. data-ceremony is "register" or "sign-in";
// what it tells stands in data-late, data-held and data-stopped.
// With data-autofill the browser also offers passkeys in the field whose autocomplete says "webauthn".

// A challenge lives five minutes on the server; an offer that waits in a field is renewed before.
const OFFER_MS = 240_000;

async function begin(form) {
  const token = form.querySelector('[name="csrfmiddlewaretoken"]')?.value ?? "";
  const response = await fetch(form.dataset.beginUrl, {
    method: "POST", credentials: "same-origin", headers: { Accept: "application/json", "X-CSRFToken": token },
  });
  if (!response.ok || response.redirected) throw new Error(form.dataset.late);
  const options = await response.json();
  return readable(options.publicKey ?? options);
}

function send(form, credential) {
  form.elements.namedItem("credential").value = JSON.stringify(sendable(credential));
  form.submit();
}

function passkey(form) {
  if (!window.PublicKeyCredential) return;
  form.hidden = false;
  let offer = null;
  const withdraw = () => { offer?.abort(); offer = null; };
  async function offerInField() {
    const possible = await PublicKeyCredential.isConditionalMediationAvailable?.();
    if (!possible) return;
    offer = new AbortController();
    const { signal } = offer;
    const renewal = setTimeout(() => { if (!signal.aborted) { withdraw(); offerInField(); } }, OFFER_MS);
    try {
      const publicKey = await begin(form);
      if (!signal.aborted) send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal }));
    } catch {
      clearTimeout(renewal); // withdrawn, or refused by the person: the button is still there
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    withdraw();
    const status = form.querySelector("[data-status]");
    const tell = (text) => { if (status) status.textContent = text; say(text); };
    try {
      const publicKey = await begin(form);
      send(form, await navigator.credentials[form.dataset.ceremony === "register" ? "create" : "get"]({ publicKey }));
    } catch (error) {
      const stopped = error.name === "NotAllowedError" || error.name === "AbortError";
      const known = error.name === "InvalidStateError";
      tell(known ? form.dataset.held : stopped ? form.dataset.stopped : error.message);
    }
  });
  if (form.dataset.autofill !== undefined) offerInField();
}

// A click anywhere in a row follows the row's own link. The link in the first cell stays the way for the keyboard.
function rowLink(table) {
  table.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row-url]");
    if (!row || event.target.closest("a, button, input, label, summary")) return;
    if (String(window.getSelection())) return;
    const link = row.querySelector("a[href]");
    if (!link) return;
    if (event.metaKey || event.ctrlKey) window.open(link.href, "_blank", "noopener");
    else link.click();
  });
}

// Chosen rows of a list: the head's box takes the page, Shift takes a range, the count is said, and a list that is
// narrowed anew begins with nothing. The boxes and buttons are a plain form and work without this file.

const NAMED = 'input[type="checkbox"][name="selected"]';

function selection(form) {
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

// Keys for what is done often. A single key acts only outside fields, and not at all where the person has switched that
// off (WCAG 2.1.4). Any link or button with data-key="a" is pressed by that key.
const FIELD = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";
const ROWS = "main tr:is([data-row], [data-row-url])";
const WAIT_MS = 1500;
const seen = (element) => element.checkVisibility({ visibilityProperty: true });

function shortcuts(body) {
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

// Shows a chosen theme at once; the form that holds the choice saves it to the profile, from which the server writes it.
function theme(chooser) {
  chooser.addEventListener("change", (event) => {
    const choice = event.target.value;
    if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
  });
}

// One toast at a time. It leaves after six seconds unless it carries an action or is being read; never used for errors.
const SHOWN_MS = 6000;

function toast(list) {
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

// What somebody has typed is not lost by a slip: leaving, or a swap that would take the form away, asks first. A form
// says data-unsaved="off" where nothing is lost, and fires "saved" when the server has kept it.
const ASKED = "What you have typed is not saved. Leave it?";

function unsaved(body) {
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

// A session that ended, a refusal, a fault: the answer is a page of its own and no part of this one. Nothing is swapped,
// what was typed stays, and the page says once that it is not up to date.
function refuseWholePages(event) {
  if (!/^\s*<!doctype/i.test(event.detail.ctx.text ?? "")) return;
  event.preventDefault();
  const words = document.querySelector("template[data-not-updated]");
  if (words && !document.querySelector(".strip[data-not-updated]")) {
    document.querySelector("main").before(words.content.cloneNode(true));
  }
}

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
