// Lines of a draft by hand: Enter adds a row, rows copied from a spreadsheet become lines. Without this there are buttons.
export default function lines(holder) {
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
