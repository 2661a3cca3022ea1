// An image explored, weighed, made smaller, compared and shared by a person who has a keyboard alone: real Chromium, real
// builds. What is said of the smaller image is held to the one that is then built.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_SHOTS a folder for screenshots.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { accessible } from "./accessible.mjs";
import { Steps, World, byTest, connected, expect, noSidewaysScroll, photograph, until } from "./harness.mjs";

const program = process.env.ESTIVA_BIN;
expect(program, "ESTIVA_BIN must name the program to test");

const steps = new Steps();
const world = await World.open({ playwright: process.argv[2], program, serve: ["--listen", "127.0.0.1:0"] });
const context = path.join(world.folder, "context");
const dockerfile = "FROM busybox\nWORKDIR /app\nCOPY one two ./\nRUN chown -R 7:8 /app\nRUN head -c 300000 /dev/zero > /made\nRUN rm /made\nCMD [\"cat\", \"/app/one\"]\n";
let page;

/** Presses Tab, or Shift and Tab, until the keyboard is on what `find` selects; gives how often. */
async function tabTo(selector, { back = false } = {}) {
  for (let presses = 0; presses < 150; presses += 1) {
    const found = await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
    if (found) return presses;
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

const test = (name) => `[data-testid="${name}"]`;

/** To an element by Tab, then a press of Enter. */
async function press(name, options) {
  await tabTo(test(name), options);
  await page.keyboard.press("Enter");
}

/** From the tab that the keyboard is on to another one. */
async function turnTo(name) {
  await tabTo("[role=tab][aria-selected=true]");
  await page.keyboard.press("Home");
  for (let presses = 0; presses < 10; presses += 1) {
    await until("a chosen tab", () => page.evaluate(() => document.activeElement?.getAttribute("aria-selected") === "true"));
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), test(`tab-${name}`))) return;
    const before = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.press("ArrowRight");
    await until("the next tab", () => page.evaluate((before) => document.activeElement?.id !== before, before));
  }
  throw new Error(`no tab ${name}`);
}

const active = () => byTest(page, "tree").evaluate((grid) => document.getElementById(grid.getAttribute("aria-activedescendant") ?? "")?.querySelector(".tree-text")?.textContent);

/** In the tree, to the row of this name by its first letters. */
async function typeTo(name) {
  await page.keyboard.type(name, { delay: 10 });
  await until(`the row ${name}`, async () => (await active()) === name);
  // Letters after a pause begin another word.
  await page.waitForTimeout(650);
}

const image = (name) => JSON.parse(world.estiva("inspect", name, "--json")).image;
const build = (name, text) => {
  writeFileSync(path.join(context, "Dockerfile"), text);
  world.estiva("build", "--network", "none", "-t", name, context);
};

try {
  await steps.step("an archive is chosen by keyboard, and its tree walked", async () => {
    mkdirSync(context);
    writeFileSync(path.join(context, "one"), "1".repeat(5000));
    writeFileSync(path.join(context, "two"), "2".repeat(600));
    world.estiva("base", "busybox");
    build("app", dockerfile);
    const archive = path.join(world.folder, "app.tar");
    world.estiva("save", "-o", archive, "app");
    page = await (await world.browser.newContext({ locale: "en-US", acceptDownloads: true })).newPage();
    page.on("pageerror", (error) => console.log(`page error: ${error}`));
    // Asked for from the start: the browser takes a moment until it hands over what it would ask a person.
    const choosing = page.waitForEvent("filechooser");
    choosing.catch(() => {});
    await page.goto(await world.address());
    await connected(page);
    await tabTo(test("dockerfile-editor"));
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(dockerfile);
    await tabTo(".drop-zone .button-primary", { back: true });
    await page.keyboard.press("Enter");
    const on = () => page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200));
    const chooser = await choosing.catch(async (error) => {
      throw new Error(`${error.message}; the keyboard is on ${await on()}`);
    });
    await chooser.setFiles(archive);
    await byTest(page, "tree-row").first().waitFor();
    await tabTo(test("tree"));
    await typeTo("app");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await until("the first file of the folder", async () => (await active()) === "one");
    await page.keyboard.press("Enter");
    await byTest(page, "file-text").waitFor();
    await page.keyboard.press("Escape");
    await until("the end of the dialog", async () => (await byTest(page, "file-view").count()) === 0);
  });

  await steps.step("a search finds by name, and its filters by kind", async () => {
    await press("tree-find", { back: true });
    await page.keyboard.type("o", { delay: 10 });
    await until("some finds", async () => /^\d+ found$/.test(await byTest(page, "tree-count").textContent()));
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await until("all entries", async () => /entries$/.test(await byTest(page, "tree-count").textContent()));
  });

  await steps.step("what the image would weigh stands at the foot of the window while boxes are ticked", async () => {
    await press("what-if-open", { back: true });
    await byTest(page, "what-if").waitFor();
    await photograph(page, "what-if-empty");
    await tabTo(test("tree"));
    await typeTo("app");
    await page.keyboard.press("Space");
    await until("the sums", async () => (await byTest(page, "what-if-sums").count()) === 1);
    await press("tick", { back: true });
    await until("two parts", async () => (await byTest(page, "what-if-parts").locator("summary .tab-count").textContent()) === "2");
    await tabTo("[data-testid=what-if-parts] > summary");
    await page.keyboard.press("Enter");
    await photograph(page, "what-if");
    await noSidewaysScroll(page, "what if");
    await accessible(page, "what if");
    const words = new URL(page.url()).searchParams.getAll("without");
    expect(words.some((word) => word.startsWith("layer:")) && words.includes("/app"), `the address has ${words}`);
    await press("untick-all");
  });

  await steps.step("what is said of the waste is what the patched Dockerfile saves", async () => {
    await turnTo("waste");
    await photograph(page, "what-if-waste");
    await tabTo(test("tick"));
    await page.keyboard.press("Space");
    await until("the sums", async () => (await byTest(page, "what-if-sums").count()) === 1);
    const sizes = await byTest(page, "what-if-sums").locator(".what-if-sizes").textContent();
    await press("what-if-close");
    await turnTo("waste");
    await press("apply-patch");
    await byTest(page, "patched").waitFor();
    await photograph(page, "patched");
    await accessible(page, "a patched Dockerfile");
    await noSidewaysScroll(page, "a patched Dockerfile");
    const coming = page.waitForEvent("download");
    await press("save-dockerfile", { back: true });
    const download = await coming;
    expect(download.suggestedFilename() === "Dockerfile", `it is saved as ${download.suggestedFilename()}`);
    const place = path.join(world.folder, "Dockerfile.new");
    await download.saveAs(place);
    const text = readFileSync(place, "utf8");
    expect(text.includes("&& rm /made"), text);
    build("app:2", text);
    const said = JSON.parse(world.estiva("inspect", "app", "--json", "--without-waste=deleted_file"));
    const [before, after] = [image("app").uncompressed_bytes, image("app:2").uncompressed_bytes];
    // Beside the file with its header go the whiteout and, of two layers that are empty then, the ends of their tars.
    expect(before - after === said.saved_bytes + 512 + 2 * 1024, `${before} became ${after}, and ${said.saved_bytes} were to go`);
    expect(/→/.test(sizes), sizes);
  });

  await steps.step("a file of an image of the store is looked into, read by the server where its layer lies", async () => {
    await page.goto(new URL("/images/app:latest", page.url()).href);
    await byTest(page, "tree-row").first().waitFor();
    await tabTo(test("tree"));
    await typeTo("app");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await until("the first file of the folder", async () => (await active()) === "one");
    await page.keyboard.press("Enter");
    await byTest(page, "file-text").waitFor();
    expect(/^1{100}/.test(await byTest(page, "file-text").locator(".code-text").first().textContent()), "the file has other bytes");
    await page.keyboard.press("Escape");
    await until("the end of the dialog", async () => (await byTest(page, "file-view").count()) === 0);
    const coming = page.waitForEvent("download");
    await tabTo(".tree-details [data-testid=download]");
    await page.keyboard.press("Enter");
    const place = path.join(world.folder, "one.saved");
    await (await coming).saveAs(place);
    expect(readFileSync(place, "utf8") === "1".repeat(5000), "what is saved has other bytes");
  });

  await steps.step("both are compared, and the smaller one shared", async () => {
    await press("nav-images", { back: true });
    await byTest(page, "image-row").first().waitFor();
    await page.goto(new URL("/compare?a=app:latest&b=app:2", page.url()).href);
    await byTest(page, "compare-result").waitFor();
    await turnTo("compare-history");
    const said = await page.getByRole("tabpanel").textContent();
    expect(said.includes("&& rm /made"), `the history's difference is ${said}`);
    await page.goto(new URL("/images", page.url()).href);
    await byTest(page, "image-row").first().waitFor();
    await press("share-button");
    await byTest(page, "share-preview").waitFor();
    await press("share-create");
    await until("the link", () => page.evaluate(() => document.activeElement?.matches("[data-testid=share-link]")));
  });
} finally {
  await world.close();
}
process.exitCode = steps.finish() ? 0 : 1;
