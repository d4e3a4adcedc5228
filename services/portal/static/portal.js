"use strict";
// Shows that a download or a form is on its way; every page works without it.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
  });
}
for (const box of document.querySelectorAll("[data-select-all]")) {
  box.hidden = false;
  box.querySelector("input").addEventListener("change", (event) => {
    for (const other of document.querySelectorAll("input[name=leerling]")) other.checked = event.target.checked;
  });
}
