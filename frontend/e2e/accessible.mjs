// What axe-core finds on a page at WCAG 2.2, levels A and AA, which must be nothing: with the page dark and wide, and light
// and narrow, so that each colour and each arrangement is looked at once.

import { readFileSync } from "node:fs";
import path from "node:path";

const SOURCE = readFileSync(path.join(process.env.NODE_PATH ?? "", "axe-core/axe.min.js"), "utf8");

// A rectangle of the map shows its name and, in a line of its own, "L1 · 7 B" for what its label says in full. axe-core reads
// the two lines as one word, which no label can hold.
const LINES_AS_ONE = { rule: "label-content-name-mismatch", place: /^\.tile/ };

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Throws with each rule that is broken, where, and what mends it. */
export async function accessible(page, name) {
  const faults = [];
  for (const [width, height, colorScheme] of [[1440, 900, "dark"], [390, 844, "light"]]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    // What is scrolled below the header would count as too small a target. Colours change over a moment.
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(200);
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(SOURCE);
    const violations = await page.evaluate(async (values) => {
      const { violations } = await window.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
      return violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`) }));
    }, TAGS);
    for (const { id, nodes: all } of violations) {
      const nodes = all.filter((node) => id !== LINES_AS_ONE.rule || !LINES_AS_ONE.place.test(node));
      if (nodes.length > 0) faults.push(`${name}, ${width} px, ${colorScheme}: ${id}\n  ${nodes.join("\n  ")}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
  if (faults.length > 0) throw new Error(`not accessible: ${faults.join("\n")}`);
}
