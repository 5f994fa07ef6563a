// Makes a passkey or proves one. The form's data-begin-url answers WebAuthn options; what the device signed goes into the
// form's hidden field "credential", and the form is sent like any other. data-ceremony is "register" or "sign-in";
// what it tells stands in data-late, data-held and data-stopped.
// With data-autofill the browser also offers passkeys in the field whose autocomplete says "webauthn".
import { readable, sendable } from "../webauthn.js";
import { say } from "./announce.js";

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

export default function passkey(form) {
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
