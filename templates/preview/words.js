// What an editor writes: sent while it is typed; what can't be kept stays in its field, with the reason.
"use strict";

const WRITTEN = "[data-line], [data-note], [data-block], [data-passage]";
const refused = {};  // by field: what was typed, and why it wasn't kept
const sent = {};  // by field: what was sent since the panel was drawn
let typing = 0;

function told(field) {
  const { line, note, block, passage } = field.dataset;
  if (line) return { act: "word", line, text: field.value };
  if (note) return { act: "note", slug: note, text: field.value };
  if (passage) return quoteOf(passage, field.value);
  const fields = Object.fromEntries($$(`[data-block="${block}"]`).map((each) => [each.dataset.field, each.value]));
  return { act: "block", number: block, ...fields };
}

function quoteOf(slug, passage = "") {
  const verdict = $(`[data-quote="${CSS.escape(slug)}"] :checked`).value;
  return { act: "quote", slug, verdict, passage };
}

async function write(field) {
  clearTimeout(typing);
  const { id, value } = field;
  if (value === (sent[id] ?? field.defaultValue)) return;
  sent[id] = value;
  delete refused[id];
  const fault = await act(told(field), "/decide", true);
  if (fault) refused[id] = { value, fault };
  blameWords();
}

function blameWords() {
  for (const old of $$("#panel .fault-of")) old.remove();
  for (const field of $$("#panel [aria-invalid]")) { field.removeAttribute("aria-invalid"); describe(field); }
  for (const [id, { value, fault }] of Object.entries(refused)) {
    const field = document.getElementById(id);
    if (!field) { delete refused[id]; continue; }
    if (value !== undefined && document.activeElement !== field) field.value = value;
    const note = document.createElement("p");
    note.className = "fault-of";
    note.id = `${id}-fault`;
    note.textContent = fault;
    field.after(note);
    field.setAttribute("aria-invalid", "true");
    describe(field, note.id);
  }
}

function describe(field, fault = "") {
  const hint = { file: "picture-hint", textarea: "passage" in field.dataset ? "" : "marks-hint" }[field.type] || "";
  const told = [hint, fault].filter(Boolean).join(" ");
  if (told) field.setAttribute("aria-describedby", told);
  else field.removeAttribute("aria-describedby");
}

function panelDrawn() {
  for (const id of Object.keys(sent)) delete sent[id];
  blameWords();
}

document.addEventListener("input", (event) => {
  if (!event.target.matches(WRITTEN)) return;
  clearTimeout(typing);
  typing = setTimeout(() => write(event.target), 700);
});
document.addEventListener("change", (event) => {
  if (event.target.matches(WRITTEN)) write(event.target);
  const verdicts = event.target.closest("[data-quote]");
  if (verdicts) act(quoteOf(verdicts.dataset.quote));
});

// A row that can be carried takes the mouse from the words in it.
document.addEventListener("focusin", (event) => {
  const row = event.target.matches("textarea") && event.target.closest("#picks li");
  if (row) row.draggable = false;
});
document.addEventListener("focusout", (event) => {
  const row = event.target.matches("textarea") && event.target.closest("#picks li");
  if (row) row.draggable = true;
});

// ---- Blocks around the comparisons ----

async function addBlock({ act: name, place }) {
  if (await act({ act: name, place })) $$(".blocks textarea").at(-1)?.focus();
}

async function addPicture(form, { alt, url }) {
  const picture = await sendImage($("[type=file]", form).files[0], true);
  const fault = !picture || picture.fault || await act({ act: "add-picture", place: "before", key: picture.key, alt, url }, "/decide", true);
  if (!fault) $("[data-form=picture]")?.reset();  // the panel was drawn anew, with what was typed
  delete refused["picture-file"];
  if (typeof fault === "string") refused["picture-file"] = { fault };
  blameWords();
}
