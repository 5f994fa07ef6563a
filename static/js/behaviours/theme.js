// Shows a chosen theme at once; the form that holds the choice saves it to the profile, from which the server writes it.
export default function theme(chooser) {
  chooser.addEventListener("change", (event) => {
    const choice = event.target.value;
    if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
  });
}
