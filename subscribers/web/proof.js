// Does the sum of ALTCHA's protocol that keeps robots out, and sends the form when it is done.
(() => {
  "use strict";
  const bytes = new TextEncoder();
  const hex = (buffer) =>
    Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const hash = async (text) => hex(await crypto.subtle.digest("SHA-256", bytes.encode(text)));

  const solve = async ({ algorithm, challenge, salt, maxnumber, signature }) => {
    for (let first = 0; first <= maxnumber; first += 500) {
      const some = Array.from({ length: Math.min(500, maxnumber - first + 1) }, (_, i) => first + i);
      const found = (await Promise.all(some.map((n) => hash(salt + n)))).indexOf(challenge);
      if (found >= 0) {
        const number = first + found;
        return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
      }
    }
    return "";
  };

  for (const field of document.querySelectorAll("input[data-proof]")) {
    const form = field.form;
    const status = form.querySelector("[role=status]");
    let working = null;
    const start = () => (working ??= solve(JSON.parse(field.dataset.proof)));
    form.addEventListener("focusin", () => void start(), { once: true });
    form.addEventListener("submit", async (event) => {
      if (field.value) return;
      event.preventDefault();
      status.textContent = field.dataset.working;
      field.value = (await start().catch(() => "")) || "none";
      form.submit();
    });
    if ("atOnce" in field.dataset && crypto.subtle) form.requestSubmit();
  }
})();
