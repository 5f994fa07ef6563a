// The page behind a practice mail says that a hand is here, and that something was typed. What was typed stays here: the
// fields have no names, and are empty before anything is sent.
const form = document.querySelector("[data-practice]");
const told = new Set();

function tell(fact) {
  if (told.has(fact)) return;
  told.add(fact);
  const body = new URLSearchParams({ fact, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
  fetch(location.pathname, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => told.delete(fact));
}

// A program that follows links moves no pointer; what a script makes up is not trusted, and a browser sends a move of
// no length where the page moved under a pointer at rest.
for (const sign of ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"]) {
  addEventListener(sign, (event) => {
    const rests = sign === "pointermove" && !event.movementX && !event.movementY;
    if (event.isTrusted && !rests) tell("clicked");
  }, { passive: true });
}
form.addEventListener("input", (event) => { if (event.isTrusted) tell("typed"); });
form.addEventListener("submit", () => {
  for (const field of form.querySelectorAll("input:not([type=hidden])")) field.value = "";
});
