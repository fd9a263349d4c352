"use strict";
const fields = { key: document.getElementById("key"), user: document.getElementById("user_id") };
const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

// line is a curl command that can be pasted into a shell.
function line(data) {
  const parts = ["curl", "-X", data.method];
  if (data.public !== "true") {
    const key = fields.key.value.trim();
    parts.push("-H", key ? quote("Authorization: Bearer " + key) : '"Authorization: Bearer $KEY"');
  }
  if (data.body) {
    parts.push("-H", quote("Content-Type: application/json"), "-d", quote(data.body));
  }
  if (data.file) {
    parts.push("-H", quote("Content-Type: application/zip"), "--data-binary", "@" + data.file);
  }
  const user = fields.user.value.trim();
  const path = user ? data.path.replaceAll("{user_id}", encodeURIComponent(user)) : data.path;
  parts.push(quote(location.origin + path));
  return parts.join(" ");
}

function fill() {
  for (const pre of document.querySelectorAll("pre.curl")) {
    pre.textContent = line(pre.dataset);
  }
}

// copy puts the text of an element into the clipboard, which a page has only on
// localhost and over TLS; elsewhere the browser copies what is selected.
async function copy(element) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(element.textContent);
      return true;
    } catch {
      // The browser may refuse: what is selected can still be copied.
    }
  }
  getSelection().selectAllChildren(element);
  return document.execCommand("copy");
}

function offerCopies() {
  for (const pre of document.querySelectorAll(".use pre")) {
    const row = document.createElement("div");
    const button = document.createElement("button");
    row.className = "copied";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      button.textContent = (await copy(pre)) ? "Copied" : "Selected: press Ctrl+C";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    row.append(button);
    pre.before(row);
  }
}

// search shows the operations that have every word of the reader.
function search(operations, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { element, content } of operations) {
    element.hidden = !words.every((word) => content.includes(word));
    count += element.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector(":scope > details:not([hidden])");
  }
  const said = count === 1 ? "1 operation has this." : `${count || "No"} operations have this.`;
  document.getElementById("found").textContent = words.length ? said : "";
}

// open shows the operation that the address names.
function open() {
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named && named.tagName === "DETAILS") {
    named.open = true;
    named.scrollIntoView();
  }
}

const find = document.getElementById("search");
const operations = [...document.querySelectorAll("main section > details")].map((element) => ({ element, content: element.textContent.toLowerCase() }));
document.getElementById("fill").hidden = false;
document.getElementById("find").hidden = false;
for (const input of Object.values(fields)) {
  input.addEventListener("input", fill);
}
find.addEventListener("input", () => search(operations, find.value));
addEventListener("hashchange", open);
offerCopies();
fill();
search(operations, find.value); // a browser may keep what was typed before a reload
open();
