// After a swap the keyboard stands where the eye does: a failed form's summary, an opened record's heading, the row that
// follows a removed one. A filtered list keeps the focus it had.
const TAKES_FOCUS = ".error-summary, [data-focus]";

export default function focus(main) {
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
