// A click anywhere in a row follows the row's own link. The link in the first cell stays the way for the keyboard.
export default function rowLink(table) {
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
