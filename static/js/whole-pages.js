// A session that ended, a refusal, a fault: the answer is a page of its own and no part of this one. Nothing is swapped,
// what was typed stays, and the page says once that it is not up to date.
export default function refuseWholePages(event) {
  if (!/^\s*<!doctype/i.test(event.detail.ctx.text ?? "")) return;
  event.preventDefault();
  const words = document.querySelector("template[data-not-updated]");
  if (words && !document.querySelector(".strip[data-not-updated]")) {
    document.querySelector("main").before(words.content.cloneNode(true));
  }
}
