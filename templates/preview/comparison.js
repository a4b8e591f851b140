// The words of one comparison: shows what a change would change, then keeps it.
"use strict";

const { slug, seen } = document.body.dataset;
const first = Object.fromEntries(new FormData($("#words")));
let chosen = null;  // the change under review: {words} or {restore}

function changed() {
  const now = Object.fromEntries(new FormData($("#words")));
  return Object.fromEntries(Object.entries(now).filter(([name, text]) => text !== first[name]));
}

async function review(change) {
  const said = await post("/comparison/review", { slug, seen, ...change });
  if (!said) return;
  chosen = change;
  $("#review").innerHTML = said.html;
  $("#review").focus();
  $("#review").scrollIntoView({ block: "nearest" });
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (event.target.id === "words") review({ words: changed() });
  if (event.target.id !== "keep" || !chosen) return;
  const said = await post("/comparison/keep", { slug, seen, ...chosen, by: $("#by").value });
  if (!said) return;
  leaving = true;
  location.assign("/");
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.restore) review({ restore: Number(button.dataset.restore) });
  if (button.dataset.close !== undefined) { $("#review").replaceChildren(); chosen = null; $("#words textarea").focus(); }
});

$("#words").addEventListener("input", () => {
  if (chosen?.words) { $("#review").replaceChildren(); chosen = null; }  // it showed older words
});

let leaving = false;
addEventListener("beforeunload", (event) => {
  if (!leaving && Object.keys(changed()).length) event.preventDefault();
});
