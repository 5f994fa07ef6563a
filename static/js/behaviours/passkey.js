// Registers a passkey or signs in with one. The endpoints come from the form: data-begin-url answers WebAuthn options,
// data-complete-url takes the credential; bytes travel as base64url. data-ceremony is "register" or "sign-in".
import { readable, sendable } from "../webauthn.js";
import { say } from "./announce.js";

async function post(url, form, body) {
  const token = form.querySelector('[name="csrfmiddlewaretoken"]')?.value ?? "";
  const response = await fetch(url, {
    method: "POST", credentials: "same-origin", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? "The server did not answer. Try again.");
  return answer;
}

export default function passkey(form) {
  if (!window.PublicKeyCredential) return;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { beginUrl, completeUrl, nextUrl, ceremony } = form.dataset;
    const status = form.querySelector("[data-status]");
    const tell = (text) => { if (status) status.textContent = text; say(text); };
    try {
      const options = await post(beginUrl, form, {});
      const publicKey = readable(options.publicKey ?? options);
      const credential = await navigator.credentials[ceremony === "register" ? "create" : "get"]({ publicKey });
      const named = form.elements.namedItem("name");
      const done = await post(completeUrl, form, { ...sendable(credential), ...(named && { name: named.value }) });
      location.assign(done.redirect_url ?? nextUrl ?? location.href);
    } catch (error) {
      const stopped = error.name === "NotAllowedError" || error.name === "AbortError";
      const known = error.name === "InvalidStateError";
      tell(known ? "This device already holds a passkey for you." : stopped ? "Nothing was confirmed. Try again, or use another way." : error.message);
    }
  });
}
