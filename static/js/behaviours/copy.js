// Copies a value to the clipboard and says that it did. Shown only where a clipboard exists.
import { say } from "./announce.js";

export default function copy(button) {
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
