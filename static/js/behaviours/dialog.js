// Opens a dialog from a link that leads to the same question as a page, so that nothing is lost without JavaScript.
export default function dialog(opener) {
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
