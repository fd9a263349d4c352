// Says what is wrong with how a page is laid out, one text for each fault. `dark` says
// whether the page is asked to be dark.
(dark) => {
  const faults = [];
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + " " + JSON.stringify(e.textContent.trim().slice(0, 40));
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} px wide in a window of ${innerWidth}`);
  if (!root.lang) faults.push("the page has no language");
  if (!document.title) faults.push("the page has no title");

  // What has a frame around it must hold what is in it.
  const framed = (e) => { const s = getComputedStyle(e); return parseFloat(s.borderLeftWidth) > 0 || parseFloat(s.borderRightWidth) > 0; };
  for (const frame of document.querySelectorAll("main, section, article, fieldset, details, table, body")) {
    if (frame !== document.body && frame.tagName !== "MAIN" && !framed(frame)) continue;
    const outer = frame.getBoundingClientRect();
    const inside = document.createTreeWalker(frame, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (inside.nextNode()) {
      const node = inside.currentNode, e = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
      if (node !== e && !node.textContent.trim()) continue;
      let box = e;
      if (node !== e) (box = document.createRange()).selectNodeContents(node);
      const r = box.getBoundingClientRect();
      if (r.width === 0 || r.height === 0) continue;
      let scrolls = false;
      for (let p = e; p && p !== frame.parentElement; p = p.parentElement) {
        if ((p !== e || node !== e) && ["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) scrolls = true;
      }
      if (!scrolls && (r.left < outer.left - 1 || r.right > outer.right + 1)) {
        faults.push(`${name(e)} reaches from ${Math.round(r.left)} to ${Math.round(r.right)} px, beyond ${name(frame)} from ${Math.round(outer.left)} to ${Math.round(outer.right)}`);
      }
    }
  }

  // Contrast as WCAG 2 computes it, against the nearest background that is opaque.
  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), alpha: n.length > 3 ? n[3] : 1 }; };
  const over = (top, alpha, below) => top.map((v, i) => v * alpha + below[i] * (1 - alpha));
  const canvas = dark && getComputedStyle(root).colorScheme.includes("dark") ? [18, 18, 18] : [255, 255, 255];
  const background = (e) => {
    if (!e) return canvas;
    const c = parse(getComputedStyle(e).backgroundColor);
    return c.alpha === 1 ? c.rgb : over(c.rgb, c.alpha, background(e.parentElement));
  };
  const luminance = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || ["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE"].includes(e.tagName)) continue;
    if (!e.checkVisibility({ checkVisibilityCSS: true })) continue;
    let opacity = 1;
    for (let p = e; p; p = p.parentElement) opacity *= parseFloat(getComputedStyle(p).opacity);
    const ground = background(e), ink = parse(getComputedStyle(e).color);
    const seen = ratio(over(ink.rgb, ink.alpha * opacity, ground), ground);
    if (seen < 4.5) faults.push(`${name(e)} has a contrast of ${seen.toFixed(1)}`);
  }
  if (dark !== luminance(background(document.body)) < 0.2) faults.push(`the page is ${dark ? "light in the dark" : "dark in the light"} scheme`);

  // What a person operates has a name that can be read out, and can be reached by key.
  for (const e of document.querySelectorAll("input:not([type=hidden]), button, select, textarea, a[href], summary")) {
    const said = [e.getAttribute("aria-label"), e.textContent, ...[...(e.labels || [])].map((l) => l.textContent)].join("").trim();
    if (!said) faults.push(`a ${e.tagName.toLowerCase()} ${e.type || ""} has no name`);
    if (e.tabIndex < 0) faults.push(`${name(e)} cannot be reached by key`);
  }
  return [...new Set(faults)];
}
