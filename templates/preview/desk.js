// The desk: looks again when a file is saved, and carries out what an editor decides.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const USUAL = { view: "mail", width: "both", scheme: "light", images: "on", reader: "any", against: "last", case: "" };
const VIEWS = ["mail", "text", "source", "headers", "request", "web", "cases", "changes", "backtest"];
const FRAMED = ["mail", "web"];
const state = { ...USUAL, ...Object.fromEntries(new URLSearchParams(location.search)) };
let version = Number(document.body.dataset.version);
let seal = document.body.dataset.seal;  // of the mail the frames show, or are about to

function query(names = Object.keys(USUAL)) {
  const told = new URLSearchParams();
  for (const name of names) if (state[name] !== USUAL[name]) told.set(name, state[name]);
  return told.toString();
}

// ---- Frames: the next rendering loads behind the present one, so nothing blinks or jumps ----

function mailAddress() {
  const told = query(["view", "scheme", "images", "reader", "case"]);
  return `/mail?v=${seal.slice(0, 12)}${told && "&" + told}`;
}

function settle(frame) {
  const inner = frame.contentDocument;
  if (!inner || !inner.body) return;
  inner.addEventListener("keydown", onKey);  // who clicks into the mail keeps the keys
  inner.addEventListener("click", onMail);
  inner.addEventListener("keydown", onMail);
  if (state.view === "web") return;  // as in a browser's window, in which one scrolls
  frame.height = Math.max(inner.body.scrollHeight, inner.documentElement.scrollHeight, 200);
  outline(frame);
  const old = $(".clip", frame.parentElement);
  if (old) old.remove();
  const mark = inner.getElementById("digest-clip");
  if (!mark) return;
  const line = document.createElement("div");
  line.className = "clip";
  line.style.top = `${mark.getBoundingClientRect().top}px`;
  const words = document.createElement("span");
  words.textContent = "Gmail cuts off here";
  line.append(words);
  frame.parentElement.append(line);
}

function renew(frame) {
  for (const waiting of $$("iframe.next", frame.parentElement)) waiting.remove();
  const next = frame.cloneNode();
  next.className = "next";
  next.addEventListener("load", () => {
    next.className = "";
    frame.remove();
    settle(next);
    if (!$("iframe.next")) painted();
  }, { once: true });
  next.src = mailAddress();
  frame.parentElement.append(next);
}

let unsaid = false;  // whether the mail on its way into the frames has yet to be spoken of

function painted() {
  document.body.dataset.painted = `${Date.now()} ${seal}`;
  if (!unsaid) return;
  unsaid = false;
  look();
}

function renewFrames() {
  for (const figure of $$("figure.frame")) figure.dataset.scheme = state.scheme;
  for (const frame of $$(".page iframe:not(.next)")) renew(frame);
}

function watchFrames() {
  for (const frame of $$(".page iframe")) {
    if (frame.contentDocument && frame.contentDocument.readyState === "complete" && frame.contentDocument.body?.childElementCount) settle(frame);
    frame.addEventListener("load", () => settle(frame));
  }
}

// ---- A click in the mail finds the pick, and a pick finds its place in the mail ----
// Nothing runs in the mail: the page reaches into the frame, whose headings /mail has marked.

let found = "";  // the slug of the comparison that is marked in both
let sought = false;  // whether the mail is to be scrolled to it, once it is there

function blockOf(node) {
  const marks = $$("[data-block]", node.ownerDocument);
  const way = $$("a[title*='/u/']", node.ownerDocument).map((link) => {
    while (link.parentElement && !$("[data-block]", link.parentElement)) link = link.parentElement;
    return link;
  });
  if (way.some((part) => part.contains(node))) return null;  // the head and the foot of the mail
  return marks.findLast((one) => one.contains(node) || one.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function onMail(event) {
  if (event.type === "click" || (event.key === "Enter" && event.target.dataset.block)) pickOf(event.target);
}

function pickOf(node) {
  const block = blockOf(node);
  const item = block && $(`#picks [data-slug="${CSS.escape(block.dataset.block)}"]`);
  if (!item) return;
  tab("content");
  find(block.dataset.block);
  item.scrollIntoView({ block: "nearest" });
  item.focus({ preventScroll: true });
}

function find(slug, scroll = false) {
  found = slug;
  sought = scroll;
  for (const item of $$("#picks li")) item.classList.toggle("found", item.dataset.slug === found);
  for (const frame of $$(".page iframe:not(.next)")) outline(frame);
}

function outline(frame) {
  for (const one of $$("[data-block]", frame.contentDocument || document.createElement("div"))) {
    const here = one.dataset.block === found;
    one.style.outline = here ? "2px solid #2744c4" : "";
    one.style.outlineOffset = here ? "6px" : "";
    if (here && sought) { sought = false; one.scrollIntoView({ block: "center" }); }
  }
}

function toBlock(slug) {
  find(slug, true);
  if (state.view !== "mail") set("view", "mail");
}

// ---- The parts of the page that change ----

const keyOf = (details) => `${details.closest("[data-slug]")?.dataset.slug} ${details.dataset.key || details.textContent.slice(0, 8)}`;

function keepFocus(change) {
  const at = document.activeElement;
  const inside = at && $("#panel").contains(at);
  const kept = inside && at.id ? { id: at.id, value: at.value, from: at.selectionStart, to: at.selectionEnd } : null;
  const item = inside && !at.id && at.closest("#picks li")?.dataset.slug;
  const typed = Object.fromEntries($$("#panel [name]").filter((field) => !["hidden", "checkbox", "radio", "file"].includes(field.type)).map((field) => [field.id, field.value]));
  const ticked = $$("#panel input:checked").map((box) => box.value);
  const opened = $$("#panel details[open]").map(keyOf);
  const file = $("#picture-file");
  change();
  if (file?.files.length) $("#picture-file")?.replaceWith(file);
  for (const [id, value] of Object.entries(typed)) { const field = document.getElementById(id); if (field && !field.value) field.value = value; }
  for (const box of $$("#panel input[type=checkbox]")) box.checked = ticked.includes(box.value);
  for (const each of $$("#panel details")) if (opened.includes(keyOf(each))) each.open = true;
  panelDrawn();
  if (item) $(`#picks [data-slug="${CSS.escape(item)}"]`)?.focus({ preventScroll: true });
  const field = kept && document.getElementById(kept.id);
  if (!field) return;
  field.focus({ preventScroll: true });
  if (kept.value !== undefined && "value" in field && !field.disabled) field.value = kept.value;
  try { field.setSelectionRange(kept.from, kept.to); } catch { /* not every field has a caret */ }
}

let weighed = "";  // the mail that was on screen when its approval was begun
document.addEventListener("input", (event) => {
  if (event.target.closest("[data-form=approve]")) weighed ||= seal;
});

function approve(told, form) {
  const changed = weighed && weighed !== told.seen;
  weighed = "";
  if (changed) { say("The mail has changed since you started to approve it. Please review it again.", true); return; }
  act({ ...told, accepted: $$("[name=accepted]:checked", form).map((box) => box.value) }, "/approve");
}

function put(parts, own = false) {
  if (parts.version < version || (!own && parts.version === version)) return;
  const fresh = parts.seal !== seal;
  if (own && weighed === seal) weighed = "";
  const again = !FRAMED.includes(state.view) && parts.version !== version;
  version = parts.version;
  seal = parts.seal;
  document.body.dataset.version = version;
  $("#bar").innerHTML = parts.bar;
  fold(document.body.classList.contains("broad"));
  keepFocus(() => { $("#panel").innerHTML = parts.panel; });
  find(found);
  $("#fault").innerHTML = parts.fault.trim();
  for (const [name, words] of Object.entries(parts.words)) {
    for (const node of $$(`[data-word="${name}"]`)) node.textContent = words;
  }
  const shownBefore = document.body.dataset.shown === "yes";
  document.body.dataset.shown = parts.shown ? "yes" : "no";
  if (!fresh && !again && parts.shown === Number(shownBefore)) return;
  if (FRAMED.includes(state.view) && shownBefore && $(".page iframe")) renewFrames();
  else showStage();
}

let asking = null;
async function look(own = false) {
  if (asking) { asking.again = true; return; }
  asking = { again: false };
  try {
    const answer = await fetch(`/parts?${query()}`);
    if (answer.ok) put(await answer.json(), own);
  } catch { /* the desk has stopped; the stream says so */ }
  const again = asking.again;
  asking = null;
  if (again) look();
}

let turn = 0;  // counts what was asked for; an answer that another has overtaken is dropped

async function showStage() {
  const stage = $("#stage"), mine = ++turn;
  const before = stage.scrollTop;
  stage.classList.add("waits");
  const answer = await fetch(`/stage?${query()}`);
  const panel = await answer.text();
  if (mine !== turn) return;
  stage.innerHTML = panel;
  stage.classList.remove("waits");
  stage.scrollTop = before;
  watchFrames();
  painted();
}

// ---- How to look at it ----

function set(name, value, { line, hard = "" } = {}) {
  if (name === "reader" && value === "?") { askReader(); return; }
  state[name] = value;
  if (name === "view") state.case = hard;
  history.replaceState(null, "", query() ? `?${query()}` : location.pathname);
  press();
  const framed = FRAMED.includes(state.view) && $(".page iframe");
  if (["scheme", "images", "reader"].includes(name) && framed) {
    renewFrames();
    if (name === "reader") look(true);  // the line that says who it goes to
    return;
  }
  if (name === "view") $("#stage").scrollTop = 0;
  showStage().then(() => { if (line) toLine(line); });
}

function toLine(number) {
  const line = document.getElementById(`L${number}`);
  if (!line) return;
  line.classList.add("here");
  line.scrollIntoView({ block: "center" });
}

function press() {
  for (const button of $$(".tools [data-set], .changes [data-set]")) {
    const { set: name, value } = button.dataset;
    if (button.tagName === "SELECT") { button.value = state[name]; continue; }
    if (name === "images") {
      button.setAttribute("aria-pressed", String(state.images === "off"));
      button.dataset.value = state.images === "off" ? "on" : "off";
    } else button.setAttribute("aria-pressed", String(state[name] === value));
  }
  const framed = FRAMED.includes(state.view);
  $(".reader").hidden = ["cases", "changes", "backtest"].includes(state.view);
  for (const group of $$(".glasses > :not(.reader)")) group.hidden = !framed && !(state.view === "cases" && group.getAttribute("aria-label") === "Colours");
}

async function askReader() {
  const address = prompt("The subscriber’s address");
  const select = $(".reader select");
  if (!address) { select.value = state.reader; return; }
  const answer = await post("/reader", { address });
  if (!answer) { select.value = state.reader; return; }
  select.add(new Option(`Subscriber ${answer.reader.slice(3)}`, answer.reader), select.length - 1);
  set("reader", answer.reader);
}

function fold(away) {
  document.body.classList.toggle("broad", away);
  $("[data-fold]").setAttribute("aria-pressed", String(!away));
}

function tab(name) {
  fold(false);
  $("#panel").dataset.tab = name;
  for (const button of $$(".tabs [data-tab]")) button.setAttribute("aria-selected", String(button.dataset.tab === name));
  $("#panel").setAttribute("aria-labelledby", `tab-${name}`);
}

// ---- What an editor decides ----

let hush = 0;
function say(words, bad = false) {
  const said = $("#said");
  said.textContent = words;
  said.className = bad ? "now bad" : "now";
  clearTimeout(hush);
  hush = setTimeout(() => { said.className = ""; }, bad ? 6000 : 2200);
}

async function post(path, told, quiet = false) {
  let answer;
  try {
    answer = await fetch(`${path}?${query()}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told) });
  } catch { say("The desk has stopped. Start it again: digest preview", true); return null; }
  const said = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : { fault: await answer.text() };
  if (!answer.ok && quiet) return said;
  if (!answer.ok) { say(said.fault, true); return null; }
  return said;
}

// Returns whether it was done; asked to be quiet, the fault in words, which is shown elsewhere.
async function act(told, path = "/decide", quiet = false) {
  const parts = await post(path, told, quiet);
  if (quiet && (!parts || parts.fault)) return parts ? parts.fault : "it wasn’t saved: the desk has stopped";
  if (!parts) return false;
  say(parts.said[0].toUpperCase() + parts.said.slice(1));
  put(parts, true);
  return !quiet;
}

async function move(slug, to) {
  await act({ act: "move", slug, to });
  $(`#picks [data-slug="${CSS.escape(slug)}"]`)?.focus();
}

document.addEventListener("click", (event) => {
  const item = event.target.closest("#picks li");
  if (item && !event.target.closest("button, a, details")) { toBlock(item.dataset.slug); return; }
  const button = event.target.closest("button");
  if (!button || button.disabled) return;
  const told = button.dataset;
  if (told.act === "move") move(told.slug, Number(told.to));
  else if (told.act === "add-block") addBlock(told);
  else if (told.act) act({ ...told });
  else if (told.do) { say("Working…"); act({ period: told.period || "" }, `/issue/${told.do}`); }
  else if (told.post) { say("Asking…"); act({}, `/${told.post}`); }
  else if (told.set) set(told.set, told.value, { line: told.lineNumber });
  else if (told.tab) tab(told.tab);
  else if (told.fold !== undefined) fold(!document.body.classList.contains("broad"));
  else if (told.open) document.getElementById(told.open).showModal();
  else if (told.case) { state.width = "both"; set("view", "mail", { hard: told.case }); }
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.tagName === "SELECT" && field.dataset.set) set(field.dataset.set, field.value);
  else if (field.dataset.count !== undefined) askFor(field);
});

async function askFor(field) {
  if (!field.reportValidity()) return;
  if (!await act({ act: "count", count: field.value })) field.value = field.defaultValue;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const kind = form.dataset.form;
  if (!kind) return;
  event.preventDefault();
  const told = Object.fromEntries(new FormData(form));
  if (kind === "sponsor") act({ act: "sponsor", ...told });
  else if (kind === "picture") addPicture(form, told);
  else if (kind === "approve") approve(told, form);
  else act(told, `/${kind}`);
});

// ---- Carrying a comparison to another place ----

let carried = null;
document.addEventListener("dragstart", (event) => {
  carried = event.target.closest?.("#picks li");
  if (!carried) return;
  carried.classList.add("lifted");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", carried.dataset.slug);
});
function over(event) {
  const item = event.target.closest?.("#picks li");
  return carried && item && item !== carried ? item : null;
}
function lower(event, item) {
  const box = item.getBoundingClientRect();
  return event.clientY > box.top + box.height / 2;
}
document.addEventListener("dragover", (event) => {
  for (const item of $$("#picks li")) item.classList.remove("above", "below");
  const item = over(event);
  if (!item) return;
  event.preventDefault();
  item.classList.add(lower(event, item) ? "below" : "above");
});
document.addEventListener("drop", (event) => {
  const item = over(event);
  if (!item) return;
  event.preventDefault();
  const from = Number(carried.dataset.position);
  let to = Number(item.dataset.position) + (lower(event, item) ? 1 : 0);
  if (to > from) to -= 1;
  if (to !== from) move(carried.dataset.slug, to);
});
document.addEventListener("dragend", () => {
  for (const item of $$("#picks li")) item.classList.remove("lifted", "above", "below");
  carried = null;
});

// ---- Keys ----

const KEYS = {
  w: () => set("width", "wide"), p: () => set("width", "phone"), b: () => set("width", "both"),
  l: () => set("scheme", "light"), d: () => set("scheme", "dark"), g: () => set("scheme", "gmail"), o: () => set("scheme", "outlook"),
  i: () => set("images", state.images === "off" ? "on" : "off"),
  c: () => tab("content"), k: () => tab("checks"), a: () => tab("approve"),
  s: () => { tab("content"); $("#line-subject")?.focus(); },
  z: () => act({ act: "undo" }), Z: () => act({ act: "redo" }),
  e: () => document.activeElement?.closest?.("#picks li")?.querySelector("a.icon")?.click(),
  h: () => fold(!document.body.classList.contains("broad")),
  "?": () => $("#help").showModal(),
};

function onKey(event) {
  const item = document.activeElement?.closest?.("#picks li");
  const typed = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.altKey && item && !typed && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    move(item.dataset.slug, Number(item.dataset.position) + (event.key === "ArrowUp" ? -1 : 1));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typed) {
    if (event.key === "Enter" && event.target.dataset.line && event.target.tagName === "INPUT") write(event.target);
    if (event.key === "Enter" && event.target.dataset.count !== undefined) event.target.blur();
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if ($("dialog[open]")) return;
  if (event.key === "Enter" && item && event.target === item) { toBlock(item.dataset.slug); return; }
  if (/^[1-9]$/.test(event.key)) set("view", VIEWS[Number(event.key) - 1]);
  else if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
}
document.addEventListener("keydown", onKey);

// ---- Told of each new look ----

const stream = new EventSource("/events");
stream.addEventListener("message", (event) => {
  document.body.dataset.live = "yes";
  const [told, mail] = event.data.split(" ");
  if (Number(told) === version) return;
  if (mail && mail !== seal && FRAMED.includes(state.view) && $(".page iframe")) {
    seal = mail;
    unsaid = true;  // the mail first, what is said of it after
    renewFrames();
  } else look();
});
stream.addEventListener("error", () => { document.body.dataset.live = "no"; });

watchFrames();
press();
if (matchMedia("(max-width: 900px)").matches) fold(true);
