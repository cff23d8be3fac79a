"use strict";
const status = document.getElementById("status");

// Where a page has no encryption, browsers offer no clipboard, but still copy what is selected.
function copySelected(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

async function copy(button) {
  const text = button.dataset.link;
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copySelected(text);
    button.focus();
  }
  status.textContent = done ? "Copied" : "Not copied: copy the address of the button Open instead";
  button.textContent = done ? "Copied" : "Not copied";
  setTimeout(() => { button.textContent = "Copy link"; }, 2000);
}

for (const button of document.querySelectorAll("button[data-link]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
