// The newsletters: keeps what is in the form and a logo, adds, archives, and lays another one on the desk.
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

for (const place of $$("[data-image]")) {
  const [key, file] = $$("input", place);
  const show = (image) => {
    key.value = image.key;
    $("img", place).src = image.path;
    $("img", place).hidden = $("button", place).hidden = !image.key;
  };
  file.addEventListener("change", async () => {
    const image = file.files[0] && await sendImage(file.files[0]);
    if (image) show(image);
    file.value = "";
  });
  $("button", place).addEventListener("click", () => { show({ key: "", path: "" }); file.focus(); });
}

document.addEventListener("click", async (event) => {
  const told = event.target.closest("button")?.dataset;
  if (!told?.post) return;
  const said = await post(`/newsletters/${told.post}`, { slug, undo: told.undo || "" });
  if (!said) return;
  if (told.post === "choose") location.assign("/");
  else location.reload();
});
