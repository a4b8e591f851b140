// What the desk's forms share: sending what is in them, and showing what is wrong beside each field.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

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
  wrong(faults[""] || (count ? `Check ${count === 1 ? "the marked field" : `the ${count} marked fields`}. Nothing was saved, and nothing you typed is lost.` : ""));
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
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told) });
  } catch { wrong("The desk has stopped. What you typed is still here. Start it again: digest preview"); return null; }
  const said = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : { fault: await answer.text() };
  if (answer.ok) { blame({}); return said; }
  blame(said.faults || { "": said.fault });
  return null;
}
