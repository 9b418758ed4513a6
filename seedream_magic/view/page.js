// A data: link of megabytes is read anew whenever it is used, a blob of the same bytes is not. Runs before the carousel.
/** @type {NodeListOf<HTMLAnchorElement>} */
const originals = document.querySelectorAll("a.seedream-original");
for (const link of originals) {
  const [head, encoded] = link.href.split(";base64,");
  const text = atob(encoded);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = text.charCodeAt(at);
  link.href = URL.createObjectURL(new Blob([bytes], { type: head.slice("data:".length) }));
}

// Paper shows more than a preview has.
addEventListener("beforeprint", () => {
  for (const link of originals) {
    const picture = link.closest("body > .seedream figure")?.querySelector("img.seedream-picture");
    if (picture) picture.setAttribute("src", link.href);
  }
});
