// The few things that are done with the document. Text from outside is only ever set as text.

/** The element with this id. */
export const at = (id) => document.getElementById(id);

/** A new element with attributes and children (nodes or text). */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Replaces the content of the element with this id. */
export const fill = (id, ...children) => at(id).replaceChildren(...children);

/** A list item for each text. */
export const items = (texts) => texts.map((text) => make("li", {}, text));

/** A term and its description for each pair; long digests may break anywhere. */
export const pairs = (entries) =>
  entries.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value)));

/** A link that saves `text` as a file. The caller revokes its address with `release`. */
export function download(label, name, text) {
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  return make("a", { href, download: name }, label);
}

/** Forgets the files behind the links in the element with this id, and the links. */
export function release(id) {
  for (const link of at(id).querySelectorAll("a[download]")) URL.revokeObjectURL(link.href);
  at(id).replaceChildren();
}
