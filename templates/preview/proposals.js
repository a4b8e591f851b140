// The proposals of followed sites: accepts and dismisses them, and shows what is left.
"use strict";

const NAME = "digest-desk-name";

function say(words) {
  const said = $("#said");
  said.textContent = words[0].toUpperCase() + words.slice(1);
  said.className = "now";
  setTimeout(() => { said.className = ""; }, 2200);
}

function place() {
  const by = $("#by");
  if (by && !by.value) by.value = sessionStorage.getItem(NAME) || "";
}

// Puts what is left where it was, and the focus on what follows the decided one.
function redraw(html, after) {
  const before = $$(".proposals > li").map((item) => item.id);
  const next = before.slice(before.indexOf(after) + 1);
  $("#proposals").innerHTML = html;
  place();
  const heading = next.map((id) => $(`#${id} h2`)).find(Boolean) || $("#proposals h2");
  (heading || $("#proposals")).focus();
}

async function decide(path, told, after) {
  const by = $("#by").value.trim();
  if (!by) { blame({ by: "Type your name first." }); return; }
  sessionStorage.setItem(NAME, by);
  const said = await post(path, { ...told, by });
  if (!said) return;
  redraw(said.html, after);
  say(said.said);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-accept]");
  if (!button) return;
  const numbers = button.dataset.accept.split(" ").map(Number);
  decide("/proposals/accept", { numbers }, button.closest(".proposals > li")?.id);
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const number = event.target.dataset.dismiss;
  const why = new FormData(event.target).get("why");
  if (number) decide("/proposals/dismiss", { numbers: [Number(number)], why }, `proposal-${number}`);
});

place();
