// The whole path, as a person walks it: an archive taken apart, a Dockerfile typed, an image built and run by button, a
// link sent and opened by somebody else. Real Chromium, real server, real containers; nothing is stood in for.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_SHOTS a folder for screenshots of each page.

import { randomBytes } from "node:crypto";
import http from "node:http";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { SlowRegistry, Steps, World, byTest, connected, expect, noSidewaysScroll, photograph, run, tellWaits, top, until, watchFirstSight } from "./harness.mjs";

const hello = path.join(top, "examples/hello");
const program = process.env.ESTIVA_BIN;
expect(program, "ESTIVA_BIN must name the program to test");

const steps = new Steps();
const world = await World.open({
  playwright: process.argv[2],
  program,
  serve: ["--listen", "127.0.0.1:0", "--context-root", path.join(top, "examples")],
});
let page;
let link;
const requests = [];
const violations = [];

/** An OCI archive that buildah made: two layers, the second hides a file of the first. */
function archiveByBuildah() {
  const storage = ["--root", path.join(world.folder, "buildah"), "--runroot", path.join(world.folder, "buildah-run"), "--storage-driver", "vfs"];
  const files = path.join(world.folder, "files");
  mkdirSync(files);
  writeFileSync(path.join(files, "greeting.txt"), "hello from buildah\n".repeat(500));
  writeFileSync(path.join(files, "second.txt"), "second\n");
  const archive = path.join(world.folder, "buildah.tar");
  const container = run("buildah", [...storage, "from", "scratch"]).trim();
  run("buildah", [...storage, "copy", "-q", container, path.join(files, "greeting.txt"), "/srv/greeting.txt"]);
  run("buildah", [...storage, "commit", "-q", container, "first"]);
  const second = run("buildah", [...storage, "from", "first"]).trim();
  run("buildah", [...storage, "copy", "-q", second, path.join(files, "second.txt"), "/srv/greeting.txt"]);
  run("buildah", [...storage, "commit", "-q", second, `oci-archive:${archive}:example:1`]);
  return archive;
}

/** Every text in a JSON value, keys aside. */
function textsOf(value) {
  if (typeof value === "string") return [value];
  return value && typeof value === "object" ? Object.values(value).flatMap(textsOf) : [];
}

/** The text on a terminal's screen. */
async function screen(which) {
  return which.evaluate(() => [...document.querySelectorAll(".xterm-rows > div")].map((row) => row.textContent).join("\n"));
}

try {
  await steps.step("the page opens by the printed address and keeps no code in it", async () => {
    const address = await world.address();
    const context = await world.browser.newContext({ locale: "en-US" });
    page = await context.newPage();
    page.on("console", (message) => /Content Security Policy/i.test(message.text()) && violations.push(message.text()));
    page.on("request", (request) => requests.push(request));
    page.on("pageerror", (error) => console.log(`page error: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error") console.log(`console: ${message.text()}`);
    });
    await watchFirstSight(page);
    await page.goto(address);
    await connected(page);
    await tellWaits(page);
    expect(!page.url().includes("code="), `the code is still in the address: ${page.url()}`);
    expect((await context.cookies()).length === 0, "the page has a cookie");
    await photograph(page, "inspect-empty");
    await noSidewaysScroll(page, "the landing page");
  });

  await steps.step("an archive made by buildah is taken apart in the browser", async () => {
    const archive = archiveByBuildah();
    const before = requests.length;
    await byTest(page, "drop-input").setInputFiles(archive);
    await byTest(page, "layer-row").first().waitFor();
    expect((await byTest(page, "layer-row").count()) === 2, "expected two layers");
    await until("the tree", async () => (await page.getByText("greeting.txt").count()) > 0);
    const uploads = requests.slice(before).filter((request) => request.method() !== "GET");
    expect(uploads.length === 0, `the archive was sent: ${uploads.map((request) => request.url())}`);
    await photograph(page, "inspect-archive");
    await noSidewaysScroll(page, "an opened archive");
  });

  await steps.step("the tree is walked by keyboard alone, from the tabs to the last path and back", async () => {
    const list = byTest(page, "tree");
    const active = () => list.evaluate((grid) => {
      const row = document.getElementById(grid.getAttribute("aria-activedescendant") ?? "");
      return row && { name: row.querySelector(".tree-text").textContent, level: row.getAttribute("aria-level"), selected: row.getAttribute("aria-selected"), open: row.getAttribute("aria-expanded") };
    });
    const is = (name) => until(`the keyboard on ${name}`, async () => (await active())?.name === name);
    await byTest(page, "tab-files").focus();
    for (let presses = 0; presses < 20 && !(await list.evaluate((grid) => grid === document.activeElement)); presses += 1) await page.keyboard.press("Tab");
    expect(await list.evaluate((grid) => grid === document.activeElement), "Tab does not lead to the tree");
    await page.keyboard.press("Home");
    await is("srv");
    await page.keyboard.press("ArrowLeft");
    await until("a closed folder", async () => (await active())?.open === "false");
    await page.keyboard.press("ArrowRight");
    await until("an open folder", async () => (await active())?.open === "true");
    await page.keyboard.press("ArrowRight");
    await is("greeting.txt");
    const row = await active();
    expect(row.level === "2" && row.selected === "true", `the row says ${JSON.stringify(row)}`);
    await page.keyboard.press("s");
    await is("srv");
    await page.keyboard.press("End");
    await is("greeting.txt");
    expect((await byTest(page, "tree-details").textContent()).includes("/srv/greeting.txt"), "the chosen path is not told");
    await until("the path in the address", async () => new URL(page.url()).searchParams.get("path") === "srv/greeting.txt");
    expect(new URL(page.url()).searchParams.get("image")?.startsWith("sha256:"), `the address means no image any more: ${page.url()}`);
  });

  await steps.step("the slider goes back in time by keyboard and says where it is, and the chosen path stays", async () => {
    const slider = byTest(page, "time-slider");
    const size = async () => (await byTest(page, "tree-row").last().locator(".tree-size").textContent());
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await until("the first layer", async () => /layer 0/i.test(await byTest(page, "time-said").textContent()));
    expect(/Layer 0, 1 of 2: ./.test(await slider.getAttribute("aria-valuetext")), "the slider does not say its layer");
    await until("the longer file", async () => (await size()) === "9.5 kB");
    expect((await byTest(page, "tree-details").textContent()).includes("/srv/greeting.txt"), "the chosen path is lost");
    await page.keyboard.press("End");
    await until("the shorter file", async () => (await size()) === "7 B");
    await byTest(page, "layer-row").last().click();
    await until("its changes", async () => (await byTest(page, "tree-row").count()) === 2);
    expect((await byTest(page, "tree-row").last().textContent()).includes("changed"), "the change is not told");
    await page.goBack();
    await until("all files", async () => (await byTest(page, "show-all").getAttribute("aria-pressed")) === "true");
  });

  await steps.step("a search finds by glob and expression, and tells a mistake", async () => {
    const count = (text) => until(text, async () => (await byTest(page, "tree-count").textContent()) === text);
    await byTest(page, "tree-syntax").selectOption("glob");
    await byTest(page, "tree-find").fill("*.txt");
    await count("1 found");
    await byTest(page, "tree-syntax").selectOption("regex");
    await byTest(page, "tree-find").fill("^greet(");
    await page.getByText("This pattern can't be read").waitFor();
    await byTest(page, "tree-find").fill("^greet");
    await count("1 found");
    await photograph(page, "inspect-search");
    await noSidewaysScroll(page, "a search");
    await byTest(page, "tree-find").fill("");
  });

  await steps.step("the map leads to a file's place in the tree, by keyboard", async () => {
    await byTest(page, "tab-map").click();
    await byTest(page, "tile").first().waitFor();
    await photograph(page, "inspect-map");
    await noSidewaysScroll(page, "the map");
    await byTest(page, "tile").first().focus();
    await page.keyboard.press("End");
    await until("the last rectangle", async () => page.evaluate(() => document.activeElement?.getAttribute("aria-label")?.startsWith("/srv/greeting.txt")));
    await page.keyboard.press("Enter");
    await until("the tree with the focus", async () => page.evaluate(() => document.activeElement?.getAttribute("role") === "treegrid"));
    await until("the path", async () => (await byTest(page, "tree-details").textContent()).includes("/srv/greeting.txt"));
    await page.goBack();
    await byTest(page, "map").waitFor();
  });

  await steps.step("the configuration is explained, and the documents are shown as they lie", async () => {
    await byTest(page, "tab-config").click();
    await page.getByText("The folder in which the program starts.").waitFor();
    await photograph(page, "inspect-config");
    await byTest(page, "tab-documents").click();
    await byTest(page, "document").first().waitFor();
    const documents = await byTest(page, "document").allTextContents();
    expect(documents.some((text) => text.includes("index.json")) && documents.some((text) => text.includes('"diff_ids": [')), `documents: ${documents}`);
    await photograph(page, "inspect-documents");
    await noSidewaysScroll(page, "the documents");
  });

  await steps.step("a truncated archive is told, not shown as whole", async () => {
    const broken = path.join(world.folder, "broken.tar");
    writeFileSync(broken, Buffer.alloc(1500, 0x1f));
    await page.goto(new URL("/", page.url()).href);
    await byTest(page, "drop-input").setInputFiles(broken);
    await page.getByRole("alert").first().waitFor();
    await photograph(page, "inspect-broken");
  });

  await steps.step("a mistake in a Dockerfile stands at its line while typing", async () => {
    await page.goto(new URL("/", page.url()).href);
    const editor = byTest(page, "dockerfile-editor");
    await editor.fill("FROM busybox\nRUNN echo hello\n");
    await until("the mistake", async () => {
      const text = await byTest(page, "diagnostics").textContent();
      return text.includes("RUNN") && text.includes("2");
    });
    await photograph(page, "inspect-mistake");
    await editor.fill("FROM busybox\nRUN echo hello\n");
    await until("no mistake", async () => !(await page.locator("body").textContent()).includes("RUNN"));
  });

  await steps.step("examples/hello is built by button, step by step", async () => {
    world.estiva("base", "busybox");
    await byTest(page, "nav-build").click();
    await byTest(page, "build-context-input").setInputFiles(hello);
    // The folder gives its name to the image when it has been read; typed at that very moment, the two would be one word.
    await until("the folder's name", async () => (await byTest(page, "build-tag").inputValue()) === "hello");
    await byTest(page, "build-tag").fill("hello");
    await photograph(page, "build-ready");
    await byTest(page, "build-button").click();
    await byTest(page, "build-step").first().waitFor();
    await until("the build", async () => (await byTest(page, "build-status").getAttribute("data-state")) === "done", 60_000);
    expect((await byTest(page, "build-step").count()) >= 5, "expected at least five steps");
    await photograph(page, "build-done");
    await noSidewaysScroll(page, "a build");
  });

  await steps.step("a folder that is dropped is read like one that is chosen, and a stray drop leaves the page alone", async () => {
    const devtools = await page.context().newCDPSession(page);
    const drop = async (place, file) => {
      await place.scrollIntoViewIfNeeded();
      const box = await place.boundingBox();
      const at = { x: box.x + box.width / 2, y: box.y + box.height / 2, data: { items: [], files: [file], dragOperationsMask: 1 } };
      for (const type of ["dragEnter", "dragOver", "drop"]) await devtools.send("Input.dispatchDragEvent", { type, ...at });
    };
    await byTest(page, "context-none").click();
    expect((await byTest(page, "dockerfile-editor").inputValue()) === "", "the folder's Dockerfile outlived it");
    await byTest(page, "context-folder").click();
    await drop(page.locator(".drop-zone"), hello);
    await until("the folder", async () => /hello/.test(await page.locator(".drop-zone").textContent()));
    await until("its Dockerfile", async () => (await byTest(page, "dockerfile-editor").inputValue()).includes("FROM"));
    const before = page.url();
    await drop(byTest(page, "build-status"), path.join(hello, "Dockerfile"));
    await page.waitForTimeout(300);
    expect(page.url() === before, `a stray drop led to ${page.url()}`);
    await byTest(page, "nav-inspect").click();
    await drop(page.locator(".drop-zone"), hello);
    await byTest(page, "dropped-folder").getByRole("link").click();
    expect(page.url() === before, "a folder on the inspector does not lead to Build");
    await devtools.detach();
  });

  await steps.step("stopping a build stops the upload of its context", async () => {
    await page.route("**/api/v1/contexts", () => {});
    const sent = page.waitForRequest("**/api/v1/contexts");
    await byTest(page, "build-button").click();
    const request = await sent;
    const gone = page.waitForEvent("requestfailed", { predicate: (failed) => failed === request, timeout: 10_000 });
    await byTest(page, "build-stop").click();
    await gone;
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  await steps.step("a pattern of .dockerignore that can't be read is told, and the folder not taken", async () => {
    const crooked = path.join(world.folder, "crooked");
    mkdirSync(crooked);
    writeFileSync(path.join(crooked, "Dockerfile"), "FROM busybox\n");
    writeFileSync(path.join(crooked, ".dockerignore"), "# secrets\n[\n");
    await byTest(page, "build-context-input").setInputFiles(crooked);
    await until("the line", async () => /\.dockerignore, line 2/.test(await byTest(page, "context-trouble").textContent()));
    expect(/hello/.test(await byTest(page, "context-summary").textContent()), "the folder before it is gone");
  });

  await steps.step("building it again comes from the cache and says so", async () => {
    await byTest(page, "build-button").click();
    await until("CACHED", async () => /CACHED/.test(await page.locator("main").textContent()), 60_000);
    await until("the build", async () => (await byTest(page, "build-status").getAttribute("data-state")) === "done", 60_000);
  });

  await steps.step("the image stands in the list and can be looked at", async () => {
    await byTest(page, "nav-images").click();
    await page.getByText("hello:latest", { exact: true }).first().waitFor();
    await photograph(page, "images");
    await noSidewaysScroll(page, "the images");
  });

  await steps.step("what was to be built is still there after a look at another page", async () => {
    await byTest(page, "nav-build").click();
    const name = await byTest(page, "build-tag").inputValue();
    expect(name === "hello", `the name is gone: ${JSON.stringify(name)}`);
    expect((await byTest(page, "dockerfile-editor").inputValue()).includes("FROM"), "the Dockerfile is gone");
    await page.goBack();
    await byTest(page, "image-row").first().waitFor();
  });

  await steps.step("a page below a name opens again on a reload, with a dot in the name too", async () => {
    await page.goto(new URL("/images/hello%3Alatest", page.url()).href);
    await byTest(page, "layer-row").first().waitFor();
    await page.reload();
    await byTest(page, "layer-row").first().waitFor();
    // A view has an address of its own, with its layer and its path.
    await page.goto(new URL("/images/hello%3Alatest?view=map&layer=0&in=bin", page.url()).href);
    await byTest(page, "map").waitFor();
    await page.reload();
    await byTest(page, "map").waitFor();
    expect(/layer 0/i.test(await byTest(page, "time-said").textContent()), "the layer of the address is lost");
    await byTest(page, "tab-documents").click();
    await byTest(page, "document").first().waitFor();
    await page.goBack();
    await byTest(page, "map").waitFor();
    const answer = await page.goto(new URL("/images/hello%3A20.1", page.url()).href);
    expect(answer.status() === 200, `a name with a dot: status ${answer.status()}`);
    await page.getByRole("alert").first().waitFor();
    await photograph(page, "image-unknown");
    await byTest(page, "nav-images").click();
    await byTest(page, "image-row").first().waitFor();
  });

  await steps.step("a dialog opens on its first field, and Escape gives the focus back", async () => {
    const button = page.locator("[data-testid=image-row]", { hasText: "hello:latest" }).getByTestId("run-button");
    const focused = () => page.evaluate(() => document.activeElement?.dataset.testid);
    await button.focus();
    await page.keyboard.press("Enter");
    await until("the first field", async () => (await focused()) === "run-name");
    await page.keyboard.press("Escape");
    await until("the button", async () => (await focused()) === "run-button");
    expect((await page.locator("dialog").count()) === 0, "the dialog is still open");
  });

  await steps.step("text selected out of a dialog leaves it open, a press beside it closes it", async () => {
    await page.locator("[data-testid=image-row]", { hasText: "hello:latest" }).getByTestId("run-button").click();
    await byTest(page, "run-name").fill("selected");
    const box = await byTest(page, "run-name").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(4, box.y, { steps: 4 });
    await page.mouse.up();
    expect((await byTest(page, "run-name").inputValue()) === "selected", "the form is gone");
    await page.mouse.click(4, 400);
    await until("no dialog", async () => (await page.locator("dialog").count()) === 0);
  });

  await steps.step("a link followed by keyboard leads the focus to its page, which names itself", async () => {
    await page.getByRole("link", { name: "hello:latest" }).focus();
    await page.keyboard.press("Enter");
    await byTest(page, "layer-row").first().waitFor();
    expect((await page.evaluate(() => document.activeElement?.id)) === "content", "the focus is not on the page");
    expect((await page.title()) === "hello:latest · Estiva", `the title is ${await page.title()}`);
    await byTest(page, "nav-images").click();
    await byTest(page, "image-row").first().waitFor();
  });

  await steps.step("where the browser refuses storage, the server's pages work all the same", async () => {
    const strict = await world.browser.newContext({ locale: "en-US" });
    await strict.addInitScript(() => {
      const refuse = { get: () => { throw new DOMException("refused", "SecurityError"); } };
      Object.defineProperty(window, "sessionStorage", refuse);
      Object.defineProperty(window, "localStorage", refuse);
    });
    const theirs = await strict.newPage();
    await theirs.goto(await world.address());
    await byTest(theirs, "nav-images").click();
    await byTest(theirs, "image-row").first().waitFor();
    await theirs.locator("[data-testid=image-row]", { hasText: "hello:latest" }).getByRole("link").first().click();
    await byTest(theirs, "layer-row").first().waitFor();
    await strict.close();
  });

  await steps.step("a port that the image exposes is offered, and a mistaken one told before anything is sent", async () => {
    const web = path.join(world.folder, "web");
    mkdirSync(web);
    writeFileSync(path.join(web, "index.html"), "<!doctype html><title>web</title><p>the service answers</p>");
    writeFileSync(path.join(web, "Dockerfile"),
      "FROM busybox\nCOPY index.html /www/\nEXPOSE 8080 53/udp\nCMD [\"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n");
    world.estiva("build", "-t", "web", web);
    await byTest(page, "nav-images").click();
    const row = page.locator("[data-testid=image-row]", { hasText: "web:latest" });
    await row.getByTestId("run-button").click();
    const offers = () => byTest(page, "run-exposed").allTextContents();
    await until("both ports", async () => (await offers()).join() === "53/udp,8080/tcp");
    await byTest(page, "run-exposed").last().click();
    expect((await offers()).join() === "53/udp", "a port that has its row is still offered");
    const host = byTest(page, "run-port-host");
    expect((await host.inputValue()) === "8080" && (await byTest(page, "run-port-container").inputValue()) === "8080", "the row is not ready");
    expect(await host.evaluate((field) => field === document.activeElement), "the keyboard is not at the new port");
    const sent = requests.filter((request) => request.method() === "POST").length;
    await host.fill("80800");
    await until("the sentence", async () => /from 1 to 65535, but found: 80800/.test(await page.locator("dialog").textContent()));
    await byTest(page, "run-submit").click();
    await page.waitForTimeout(200);
    expect(requests.filter((request) => request.method() === "POST").length === sent, "the mistake was sent");
    expect(await host.evaluate((field) => field === document.activeElement), "the keyboard is not led to the mistake");
    await photograph(page, "run-mistake");
    const over = async () => page.locator("dialog").evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth);
    await page.setViewportSize({ width: 390, height: 844 });
    for (const group of ["environment", "mounts", "limits", "isolation"]) await byTest(page, `run-group-${group}`).click();
    await byTest(page, "run-env-add").click();
    await byTest(page, "run-mount-add").click();
    expect((await over()) <= 0, `the form scrolls sideways by ${await over()} px at 390 px`);
    await page.setViewportSize({ width: 1440, height: 900 });
    await byTest(page, "run-network").selectOption("host");
    await byTest(page, "run-ports-off").waitFor();
    await page.keyboard.press("Escape");
  });

  await steps.step("what the server refuses stands at the form, which keeps what was typed", async () => {
    world.estiva("run", "-d", "--name", "taken", "busybox", "sleep", "60");
    const row = page.locator("[data-testid=image-row]", { hasText: "web:latest" });
    await row.getByTestId("run-button").click();
    await byTest(page, "run-name").fill("taken");
    await byTest(page, "run-submit").click();
    await page.locator("dialog").getByRole("alert").first().waitFor();
    expect((await byTest(page, "run-name").inputValue()) === "taken", "the name is gone");
    await photograph(page, "run-refused");
    await page.keyboard.press("Escape");
    world.estiva("rm", "-f", "taken");
  });

  await steps.step("a published port is a link that leads to the service, in a tab of its own", async () => {
    const row = page.locator("[data-testid=image-row]", { hasText: "web:latest" });
    await row.getByTestId("run-button").click();
    await byTest(page, "run-exposed").last().click();
    // A free one, so that nothing else on this machine is in the way.
    await byTest(page, "run-port-host").fill("");
    await byTest(page, "run-ports-local").check();
    await byTest(page, "run-name").fill("service");
    await byTest(page, "run-submit").click();
    const opened = byTest(page, "container-ports").getByTestId("port-link");
    await opened.waitFor();
    const [{ ports }] = JSON.parse(world.estiva("ps", "--json"));
    const [published] = ports;
    expect(published.container_port === 8080 && published.address === "127.0.0.1", `published: ${JSON.stringify(ports)}`);
    const href = await opened.getAttribute("href");
    expect(href === `http://127.0.0.1:${published.host_port}/`, `the link leads to ${href}`);
    expect(/noopener/.test(await opened.getAttribute("rel")), "the page opened could reach this one");
    expect((await opened.getAttribute("aria-label")).includes("8080/tcp"), "the link does not say where it leads");
    await byTest(page, "container-logs").locator("..").getByText("It has written nothing yet").waitFor();
    expect(await opened.evaluate((anchor) => anchor.closest("header") !== null), "the port is not in sight at once");
    await photograph(page, "container-ports");
    const coming = page.context().waitForEvent("page");
    await opened.click();
    const theirs = await coming;
    await theirs.getByText("the service answers").waitFor();
    expect(await theirs.evaluate(() => window.opener === null), "the service can reach the page");
    await theirs.close();
    await byTest(page, "nav-containers").click();
    expect((await byTest(page, "port-link").first().getAttribute("href")) === href, "the list leads elsewhere");
    world.estiva("rm", "-f", "service");
    await byTest(page, "nav-images").click();
    await byTest(page, "image-row").first().waitFor();
  });

  await steps.step("what nobody needs is freed by button, after a question", async () => {
    await byTest(page, "prune-button").click();
    await photograph(page, "prune");
    await byTest(page, "confirm-button").click();
    await until("the answer", async () => /Freed|nothing to free/.test(await byTest(page, "prune-answer").textContent()));
    expect((await page.locator("dialog").count()) === 0, "the question is still open");
  });

  await steps.step("a name is spelled out before it is pulled, and a registry that does not answer is told", async () => {
    await byTest(page, "pull-reference").fill("node:20");
    await page.getByText("docker.io/library/node:20").waitFor();
    // Nothing listens there.
    await byTest(page, "pull-reference").fill("127.0.0.1:9/team/app");
    await byTest(page, "pull-button").click();
    await until("the refusal", async () => (await byTest(page, "pull-status").getAttribute("data-state")) === "failed", 90_000);
    await photograph(page, "pull-failed");
    await byTest(page, "pull-hide").click();
    expect((await byTest(page, "pull-status").count()) === 0, "it is still shown");
  });

  await steps.step("an image is pulled by button, layer by layer, and marked when it is here", async () => {
    const registry = await SlowRegistry.open(world.folder);
    try {
      const noise = path.join(world.folder, "noise");
      mkdirSync(noise);
      writeFileSync(path.join(noise, "noise"), randomBytes(3_000_000));
      writeFileSync(path.join(noise, "Dockerfile"), "FROM busybox\nCOPY noise /\n");
      const pushed = `${registry.direct}/team/noise:1`;
      world.estiva("build", "-t", pushed, noise);
      world.estiva("push", pushed);
      world.estiva("rmi", pushed);
      world.estiva("prune", "--force");
      const name = `${registry.host}/team/noise:1`;
      registry.hold();
      await byTest(page, "pull-reference").fill(name);
      await byTest(page, "pull-button").click();
      const states = () => byTest(page, "pull-layer").evaluateAll((rows) => rows.map((row) => row.dataset.state).join());
      // The base's layer is in the store; of the other one, half may come.
      await until("a part of it", async () => (await states()) === "exists,transferring" && /[\d.]+ MB of 3 MB/.test(await byTest(page, "pull-layer").last().textContent()));
      await photograph(page, "pull");
      await noSidewaysScroll(page, "a pull");
      await byTest(page, "nav-containers").click();
      await byTest(page, "nav-images").click();
      expect((await states()) === "exists,transferring", "a look at another page ended the pull");
      registry.release();
      await until("its end", async () => (await byTest(page, "pull-status").getAttribute("data-state")) === "done");
      const row = page.locator("[data-testid=image-row]", { hasText: name });
      await row.getByTestId("image-new").waitFor();
      await photograph(page, "pull-done");
      await byTest(page, "pull-reference").fill(name);
      await byTest(page, "pull-button").click();
      await until("that it was here", async () => /was here already/.test(await byTest(page, "pull-status").textContent()));
      await byTest(page, "pull-hide").click();
      world.estiva("rmi", name);
    } finally {
      await registry.close();
    }
  });

  await steps.step("it is run by button with a memory limit", async () => {
    const row = page.locator("[data-testid=image-row]", { hasText: "hello:latest" });
    await row.getByTestId("run-button").click();
    await photograph(page, "run-dialog");
    await byTest(page, "run-group-limits").click();
    await byTest(page, "run-memory").fill("32m");
    expect(/32 MiB/.test(await byTest(page, "run-group-limits").textContent()), "the group does not say what was filled in");
    await byTest(page, "run-submit").click();
    await byTest(page, "nav-containers").click();
    await byTest(page, "container-row").first().waitFor();
  });

  await steps.step("its logs and its memory move", async () => {
    await byTest(page, "container-row").first().click();
    await until("logs", async () => (await byTest(page, "container-logs").textContent()).trim().length > 10);
    await until("memory", async () => /\d/.test(await byTest(page, "container-memory").textContent()));
    const state = JSON.parse(world.estiva("ps", "--json"));
    expect(state[0].limits.memory_bytes === 32 * 1024 * 1024, `the limit is ${JSON.stringify(state[0].limits)}`);
    await page.waitForTimeout(2500);
    await photograph(page, "container");
    await noSidewaysScroll(page, "a container");
  });

  await steps.step("a shell is opened in a container: its size, its colours, top and vim", async () => {
    // Debian's vim, with its libraries and its knowledge of terminals; the loader may have a folder of its own.
    const host = ["/usr/bin/vim.tiny:/bin/vim", "/usr/lib:/lib", "/usr/lib64:/lib64"].filter((mount) => existsSync(mount.split(":")[0]));
    world.estiva("run", "-d", "--name", "inside", ...host.flatMap((mount) => ["-v", `${mount}:ro`]), "busybox", "sleep", "1000");
    await byTest(page, "nav-containers").click();
    await byTest(page, "container-row").filter({ hasText: "inside" }).click();
    await byTest(page, "tab-terminal").click();
    await byTest(page, "terminal-empty").waitFor();
    await photograph(page, "terminal-empty");
    await byTest(page, "open-shell").click();
    await until("the prompt", async () => /#/.test(await screen(page)));
    const size = async (name) => {
      await page.keyboard.type(`echo ${name}: $(stty size)\n`);
      let found;
      await until("the size", async () => (found = new RegExp(`${name}: (\\d+) (\\d+)`).exec(await screen(page))));
      return { rows: Number(found[1]), columns: Number(found[2]) };
    };
    const wide = await size("wide");
    expect(wide.rows > 5 && wide.columns > 40, `the size is ${JSON.stringify(wide)}`);
    const viewport = page.viewportSize();
    await page.setViewportSize({ width: 600, height: viewport.height });
    let asked = 0;
    await until("another size", async () => (await size(`narrow${(asked += 1)}`)).columns < wide.columns);
    await page.setViewportSize(viewport);
    await page.keyboard.type("printf '\\033[38;2;255;0;0mred\\033[0m \\033[32mgreen\\033[0m\\n'\n");
    const red = page.locator(".xterm-rows span", { hasText: /^red$/ });
    await red.waitFor();
    expect((await red.evaluate((span) => getComputedStyle(span).color)) !== "rgb(19, 38, 58)", "the policy took the colour");
    const green = page.locator(".xterm-rows span", { hasText: /^green$/ });
    expect((await green.evaluate((span) => getComputedStyle(span).color)) === "rgb(44, 110, 73)", "green is not the page's green");
    await page.keyboard.type("vim -N /tmp/note\n");
    await until("vim", async () => /"\/tmp\/note" \[New\]/.test(await screen(page)) && /^~/m.test(await screen(page)));
    await page.keyboard.type("ihello from vim");
    await until("what was typed", async () => /^hello from vim/m.test(await screen(page)) && /-- INSERT --/.test(await screen(page)));
    await photograph(page, "terminal-vim");
    await page.keyboard.press("Escape");
    // An escape and a letter at once would be another key.
    await until("vim's commands", async () => !/-- INSERT --/.test(await screen(page)));
    await page.keyboard.type(":wq\n");
    await until("the prompt", async () => /#/.test(await screen(page)) && !/~/.test((await screen(page)).split("\n").slice(-3).join("")));
    await page.keyboard.type("clear; top\n");
    await until("top", async () => /Load average/.test(await screen(page)));
    // Read in one go, because top draws its rows anew now and then.
    const colours = await until("the head of top", () => page.evaluate(() => {
      const head = [...document.querySelectorAll(".xterm-rows span")].find((span) => /PPID/.test(span.textContent));
      const of = (node) => getComputedStyle(node);
      const page = of(document.querySelector("[data-testid=terminal]"));
      return head && { head: of(head).color, page: page.backgroundColor, frame: of(document.querySelector(".xterm-viewport")).backgroundColor };
    }));
    expect(colours.head === colours.page, `text in reverse is dimmed: ${JSON.stringify(colours)}`);
    expect(["rgba(0, 0, 0, 0)", colours.page].includes(colours.frame), `the terminal has a frame: ${JSON.stringify(colours)}`);
    await photograph(page, "terminal-top");
    await noSidewaysScroll(page, "a terminal");
    await page.keyboard.type("q");
    // Typed before, it would be top that reads it.
    await until("the prompt", async () => /#/.test(await screen(page)));
    await page.keyboard.type("clear; cat /tmp/note\n");
    await until("what vim wrote", async () => /hello from vim/.test(await screen(page)));
    await page.keyboard.press("F6");
    expect(await page.evaluate(() => document.activeElement.tagName !== "TEXTAREA"), "F6 does not leave the terminal");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement.dataset.testid === "end-shell"), "after the terminal comes its button");
  });

  await steps.step("a flood of output is shown to its end, and the shell is there again after a reload", async () => {
    await page.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("clear; awk 'BEGIN { for (i = 1; i <= 100000; i++) print \"line \" i }'; echo over\n");
    await until("the last line", async () => /line 100000\s*over/.test(await screen(page)), 60_000);
    await page.keyboard.type("clear; echo $((40 + 2)) kept\n");
    await until("the shell", async () => /42 kept/.test(await screen(page)));
    await page.reload();
    await byTest(page, "tab-terminal").click();
    await until("what stood there", async () => /42 kept/.test(await screen(page)));
    await page.keyboard.type("echo again\n");
    await until("the shell", async () => /again\s+\S*\s*#?/.test(await screen(page)));
    const refused = violations.filter((text) => /terminal|xterm|style/i.test(text));
    expect(refused.length === 0, `the policy refused: ${refused.join("; ")}`);
    // The next step looks at the other one.
    await byTest(page, "nav-containers").click();
    await byTest(page, "container-row").filter({ hasText: "hello" }).first().click();
  });

  await steps.step("the server is killed: the page says so, the container runs on, the page comes back", async () => {
    world.server.kill("SIGKILL");
    await until("the banner", async () => (await byTest(page, "connection-state").getAttribute("data-state")) !== "connected");
    await photograph(page, "disconnected");
    const port = new URL(page.url()).port;
    world.restart(["--listen", `127.0.0.1:${port}`, "--context-root", path.join(top, "examples")]);
    // A new server knows no token of the old one: the page asks for a new address.
    await until("the refusal", async () => (await byTest(page, "connection-state").getAttribute("data-state")) === "refused");
    await photograph(page, "refused");
    // Put into the same tab, the address differs in its fragment alone.
    await byTest(page, "nav-inspect").click();
    await page.goto(await world.address());
    await connected(page);
    await byTest(page, "nav-containers").click();
    await until("the running container", async () => /running/i.test(await byTest(page, "container-row").first().textContent()));
  });

  await steps.step("the shell did not notice that its server was killed, and ends by button", async () => {
    await byTest(page, "container-row").filter({ hasText: "inside" }).click();
    await byTest(page, "tab-terminal").click();
    await until("what stood there", async () => /again/.test(await screen(page)));
    await photograph(page, "terminal");
    await byTest(page, "end-shell").click();
    await byTest(page, "terminal-empty").waitFor();
    await byTest(page, "nav-containers").click();
    world.estiva("rm", "-f", "inside");
    await until("that it is gone", async () => !/inside/.test(await page.locator("main").textContent()));
  });

  await steps.step("it is stopped by button", async () => {
    await byTest(page, "container-row").first().click();
    await byTest(page, "stop-button").first().click();
    await until("the end", async () => /exited/i.test(await page.locator("main").textContent()));
    await photograph(page, "container-stopped");
  });

  await steps.step("one that goes beyond its memory is killed, and the page says so with the limit as it was typed", async () => {
    world.estiva("run", "-d", "--name", "greedy", "-m", "16m", "busybox", "sh", "-c", "head -c 200m /dev/zero | tail");
    await byTest(page, "nav-containers").click();
    await byTest(page, "container-row").filter({ hasText: "greedy" }).click();
    await until("the reason", async () => /memory.*16 MiB/.test(await byTest(page, "container-ending").textContent()));
    await photograph(page, "container-out-of-memory");
    world.estiva("rm", "greedy");
  });

  await steps.step("one that removes itself stays in sight with its last words", async () => {
    world.estiva("run", "-d", "--rm", "--name", "brief", "busybox", "sh", "-c", "echo last words; sleep 6");
    await byTest(page, "nav-containers").click();
    await byTest(page, "container-row").filter({ hasText: "brief" }).waitFor();
    await photograph(page, "containers");
    await byTest(page, "container-row").filter({ hasText: "brief" }).click();
    await until("the log", async () => /last words/.test(await byTest(page, "container-logs").textContent()));
    expect((await page.title()) === "brief · Estiva", `the title is ${await page.title()}`);
    await byTest(page, "container-removed").waitFor();
    expect(/last words/.test(await byTest(page, "container-logs").textContent()), "the log is gone");
    await photograph(page, "container-removed");
    await page.reload();
    await until("that it is gone", async () => (await page.locator("h1").count()) === 1 && !(await byTest(page, "container-logs").count()));
    await photograph(page, "container-gone");
  });

  await steps.step("it is shared by button, after a preview", async () => {
    await byTest(page, "nav-images").click();
    const row = page.locator("[data-testid=image-row]", { hasText: "hello:latest" });
    await row.getByTestId("share-button").click();
    const preview = page.frameLocator("[data-testid=share-preview]").locator("body");
    await byTest(page, "share-include-run").check();
    // A step of the first stage, which the image's own history does not tell.
    await until("the text of RUN", async () => (await preview.textContent()).includes("shavings.bin"));
    await byTest(page, "share-include-run").uncheck();
    await photograph(page, "share-preview");
    expect((await preview.evaluate((body) => getComputedStyle(body).margin)) === "0px", "the preview has not the report's style");
    const seen = await preview.textContent();
    await byTest(page, "share-create").click();
    await byTest(page, "share-link").waitFor();
    expect(await byTest(page, "share-link").evaluate((element) => element === document.activeElement), "the focus is not on the new link");
    expect(/this machine only/.test(await byTest(page, "share-reach").textContent()), "a loopback link promises that anyone can open it");
    await photograph(page, "share-made");
    const saving = page.waitForEvent("download");
    await byTest(page, "share-save").click();
    const saved = readFileSync(await (await saving).path(), "utf8");
    expect(saved.startsWith("<!doctype html>") && saved.includes("hello:latest"), "the saved file is not the report");
    link = await byTest(page, "share-link").evaluate((element) => element.href ?? element.value ?? element.textContent);
    expect(/\/s\/[0-9a-f]{32}$/.test(link), `not a link: ${link}`);
    // Whatever the link tells was in the preview.
    const report = await (await page.request.get(`${link}/report.json`)).json();
    const codes = [...report.left_out, ...report.waste.by_cause.map((cause) => cause.cause)];
    const unseen = textsOf(report).filter((text) => !codes.includes(text) && !seen.includes(text));
    expect(unseen.length === 0, `the link tells what the preview did not: ${unseen}`);
    await page.keyboard.press("Escape");
    await byTest(page, "nav-share").click();
    await page.getByText("hello:latest", { exact: true }).first().waitFor();
    await photograph(page, "share");
  });

  await steps.step("the link opens in a fresh profile, without a token", async () => {
    const stranger = await world.browser.newContext({ locale: "pt-BR" });
    const theirs = await stranger.newPage();
    const answer = await theirs.goto(link);
    expect(answer.status() === 200, `status ${answer.status()}`);
    expect(/hello:latest/.test(await theirs.textContent("body")), "the report does not name the image");
    await photograph(theirs, "report");
    await noSidewaysScroll(theirs, "a report");
    const refused = await theirs.request.get(new URL("/api/v1/images", link).href);
    expect(refused.status() === 401, `images without a token: status ${refused.status()}`);
    await stranger.close();
  });

  await steps.step("a service on another loopback port never receives the token", async () => {
    const seen = [];
    const other = http.createServer((request, response) => {
      seen.push(JSON.stringify({ url: request.url, headers: request.headers }));
      response.end("<!doctype html><title>other</title>");
    });
    await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
    const token = await page.evaluate(() => Object.values(sessionStorage).join(" "));
    expect(/[0-9a-f]{64}/.test(token), "the page holds no token");
    const secret = /[0-9a-f]{64}/.exec(token)[0];
    const tab = await page.context().newPage();
    await tab.goto(`http://127.0.0.1:${other.address().port}/`);
    await page.goto(`http://127.0.0.1:${other.address().port}/from-the-page`);
    expect(seen.length >= 2, "the other service was not asked");
    expect(!seen.some((line) => line.includes(secret) || line.includes('"cookie"')), `it received: ${seen}`);
    await page.goBack();
    await tab.close();
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });

  await steps.step("the output of a running step can be read, and stopping the build stops the step", async () => {
    await byTest(page, "nav-build").click();
    await byTest(page, "context-none").click();
    const editor = byTest(page, "dockerfile-editor");
    await editor.fill("FROM busybox AS one\nFROM busybox\nRUN while true; do echo a line; sleep 0.02; done\n");
    await byTest(page, "build-target").locator("option[value=one]").waitFor({ state: "attached" });
    await byTest(page, "build-target").selectOption("one");
    await editor.fill("FROM busybox\nRUN while true; do echo a line; sleep 0.02; done\n");
    const target = () => byTest(page, "build-target").evaluate((select) => select.selectedOptions[0].textContent);
    await until("the mark of a stage that is gone", async () => /one \(.+\)/.test(await target()));
    await byTest(page, "build-target").selectOption("");
    await byTest(page, "build-button").click();
    const log = byTest(page, "step-log");
    await until("output", async () => (await log.count()) && (await log.evaluate((node) => node.scrollTop)) > 200);
    await log.evaluate((node) => (node.scrollTop = 40));
    await page.waitForTimeout(600);
    expect((await log.evaluate((node) => node.scrollTop)) === 40, "the output ran away");
    await photograph(page, "build-running");
    await byTest(page, "log-follow").click();
    await until("the end", () => log.evaluate((node) => node.scrollTop + node.clientHeight >= node.scrollHeight - 40));
    await byTest(page, "build-stop").click();
    await until("the end", async () => (await byTest(page, "build-status").getAttribute("data-state")) === "stopped");
    const states = await byTest(page, "build-step").evaluateAll((rows) => rows.map((row) => row.dataset.state));
    expect(states.includes("stopped") && !states.includes("running"), `the steps are ${states}`);
    await photograph(page, "build-stopped");
  });

  await steps.step("Portuguese and the dark theme are a press away", async () => {
    await byTest(page, "nav-images").click();
    await byTest(page, "lang-switch").first().click();
    await page.setViewportSize({ width: 390, height: 844 });
    const tops = await byTest(page, "image-row").first().locator(".card-actions > *").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
    expect(tops.length === 5 && Math.max(...tops) - Math.min(...tops) < 2, `the five buttons stand at ${tops}`);
    await page.setViewportSize({ width: 1440, height: 900 });
    await until("Portuguese", async () => (await page.locator("html").getAttribute("lang")) === "pt-BR");
    await photograph(page, "images-pt");
  });

  await steps.step("the container is removed by button", async () => {
    await byTest(page, "nav-containers").click();
    await byTest(page, "container-row").first().click();
    await byTest(page, "remove-button").first().click();
    const confirm = byTest(page, "confirm-button");
    if (await confirm.count()) await confirm.click();
    await until("none left", async () => (await byTest(page, "container-row").count()) === 0);
    await photograph(page, "containers-empty");
  });
} finally {
  await world.close();
}
process.exitCode = steps.finish() ? 0 : 1;
