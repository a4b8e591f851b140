// The newsletters: keeps what is in the form, adds, archives, and lays another one on the desk.
"use strict";

const { slug } = document.body.dataset;

function say(words) {
  const said = $("#said");
  said.textContent = words[0].toUpperCase() + words.slice(1);
  said.className = "now";
  setTimeout(() => { said.className = ""; }, 2200);
}

$("#settings").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target));
  const said = await post(slug ? "/newsletters/set" : "/newsletters/add", { slug: slug || fields.slug, fields });
  if (!said) return;
  if (said.slug) location.assign(`/newsletters?slug=${said.slug}`);
  else say(said.said);
});

document.addEventListener("click", async (event) => {
  const told = event.target.closest("button")?.dataset;
  if (!told?.post) return;
  const said = await post(`/newsletters/${told.post}`, { slug, undo: told.undo || "" });
  if (!said) return;
  if (told.post === "choose") location.assign("/");
  else location.reload();
});
