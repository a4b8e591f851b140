// The words of one comparison: shows what a change would change, then keeps it.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const { slug, seen } = document.body.dataset;
const first = Object.fromEntries(new FormData($("#words")));
let chosen = null;  // the change under review: {words} or {restore}

function changed() {
  const now = Object.fromEntries(new FormData($("#words")));
  return Object.fromEntries(Object.entries(now).filter(([name, text]) => text !== first[name]));
}

function blame(faults) {
  for (const old of $$(".fault-of")) old.remove();
  for (const field of $$("[aria-invalid]")) { field.removeAttribute("aria-invalid"); describe(field); }
  for (const [name, message] of Object.entries(faults)) {
    const field = name && document.getElementById(name);
    if (!field) continue;
    const note = document.createElement("p");
    note.className = "fault-of";
    note.id = `${name}-fault`;
    note.textContent = message;
    field.after(note);
    field.setAttribute("aria-invalid", "true");
    describe(field, note.id);
  }
  const count = Object.keys(faults).length;
  wrong(faults[""] || (count ? `Look at ${count === 1 ? "the field that is" : `the ${count} fields that are`} marked. Nothing was kept, and nothing you typed is lost.` : ""));
  $("[aria-invalid]")?.focus();
}

function describe(field, fault = "") {
  const told = [document.getElementById(`${field.id}-hint`) ? `${field.id}-hint` : "", fault].filter(Boolean);
  if (told.length) field.setAttribute("aria-describedby", told.join(" "));
  else field.removeAttribute("aria-describedby");
}

function wrong(words) {
  const place = $("#wrong");
  place.textContent = words;
  place.hidden = !words;
  if (words) place.scrollIntoView({ block: "nearest" });
}

async function post(path, told) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ slug, seen, ...told }) });
  } catch { wrong("The desk has stopped. Your words are still here. Start it again: digest preview"); return null; }
  const said = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : { fault: await answer.text() };
  if (answer.ok) { blame({}); return said; }
  blame(said.faults || { "": said.fault });
  return null;
}

async function review(change) {
  const said = await post("/comparison/review", change);
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
  const said = await post("/comparison/keep", { ...chosen, by: $("#by").value });
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
