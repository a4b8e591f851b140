// How a page of the desk sends a picture; what is wrong with it is shown by the page's own `post`.
"use strict";

// Returns { key, path, width, height } of an image that is kept, or null once what is wrong is shown.
async function sendImage(file, ...how) {
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => done("");
    reader.readAsDataURL(file);
  });
  return post("/images", { content: url.slice(url.indexOf(",") + 1) }, ...how);
}
