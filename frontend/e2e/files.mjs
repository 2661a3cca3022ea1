// One file of an image, looked into as a person does: by keyboard from the tree, as text, bytes and program, beside another
// layer's version, and saved. Real Chromium, the real worker, a real program of this machine in an archive made here.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_SHOTS a folder for screenshots.

import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Steps, World, byTest, connected, expect, noSidewaysScroll, photograph, run, until } from "./harness.mjs";

const program = process.env.ESTIVA_BIN;
expect(program, "ESTIVA_BIN must name the program to test");

const steps = new Steps();
const world = await World.open({ playwright: process.argv[2], program, serve: ["--listen", "127.0.0.1:0"] });
const script = "#!/bin/sh\n# starts the service\nset -e\nPORT=8080\nif [ -n \"$1\" ]; then\n  echo \"listens on $PORT\"\nfi\n";
const conf = Array.from({ length: 60 }, (_, at) => `option_${at} = ${at}\n`);
const key = `-----BEGIN RSA PRIVATE KEY-----\n${randomBytes(600).toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END RSA PRIVATE KEY-----\n`;
const large = randomBytes(3 << 20);
/** A pixel of a picture. */
const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
let page;
const violations = [];

/** A docker-archive of two layers: the second changes the configuration and removes a key. */
function archive() {
  const folder = path.join(world.folder, "image");
  const put = (layer, name, content, mode = 0o644) => {
    const file = path.join(folder, layer, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  put("one", "app/run", script, 0o755);
  put("one", "app/large.bin", large);
  put("one", "app/logo.png", picture);
  put("one", "etc/app.conf", conf.join(""));
  put("one", "root/.ssh/id_rsa", key, 0o600);
  put("one", "bin/true", readFileSync(realpathSync("/bin/true")), 0o4755);
  put("two", "etc/app.conf", conf.join("").replace("option_30 = 30", "option_30 = thirty").concat("last = yes\n"), 0o600);
  put("two", "root/.ssh/.wh.id_rsa", "");
  const layers = ["one", "two"].map((layer) => {
    const tar = path.join(folder, `${layer}.tar`);
    run("tar", ["-C", path.join(folder, layer), "--owner=0", "--group=0", "-cf", tar, ...readdirSync(path.join(folder, layer))]);
    return { name: `${layer}.tar`, digest: createHash("sha256").update(readFileSync(tar)).digest("hex") };
  });
  writeFileSync(path.join(folder, "config.json"), JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/app/run"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    history: [{ created_by: "COPY app /" }, { created_by: "RUN sed -i s/30/thirty/ /etc/app.conf && rm /root/.ssh/id_rsa" }],
  }));
  writeFileSync(path.join(folder, "manifest.json"), JSON.stringify([{ Config: "config.json", RepoTags: ["files:1"], Layers: layers.map(({ name }) => name) }]));
  const made = path.join(world.folder, "files.tar");
  run("tar", ["-C", folder, "-cf", made, "manifest.json", "config.json", "one.tar", "two.tar"]);
  return made;
}

/** A docker-archive of layers of so many megabytes each, whose last files are small. */
function largeArchive(name, names, megabytes, { packed = false } = {}) {
  const folder = path.join(world.folder, name);
  const layers = names.map((layer) => {
    const files = path.join(folder, layer);
    mkdirSync(files, { recursive: true });
    writeFileSync(path.join(files, "data.bin"), randomBytes(megabytes << 20));
    writeFileSync(path.join(files, "last.txt"), `the end of ${layer}\n`);
    const tar = path.join(folder, `${layer}.tar`);
    run("tar", ["-C", folder, "--owner=0", "--group=0", "-cf", tar, layer]);
    const digest = createHash("sha256").update(readFileSync(tar)).digest("hex");
    if (!packed) return { name: `${layer}.tar`, digest };
    run("gzip", ["-1", tar]);
    return { name: `${layer}.tar.gz`, digest };
  });
  writeFileSync(path.join(folder, "config.json"), JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    history: layers.map(({ name }) => ({ created_by: `COPY ${name} /` })),
  }));
  writeFileSync(path.join(folder, "manifest.json"), JSON.stringify([{ Config: "config.json", RepoTags: [`${name}:1`], Layers: layers.map(({ name }) => name) }]));
  const made = path.join(world.folder, `${name}.tar`);
  run("tar", ["-C", folder, "-cf", made, "manifest.json", "config.json", ...layers.map(({ name }) => name)]);
  return made;
}

/** What the command says of an image that something is wrong with. */
function spoken(file) {
  try {
    return run(program, ["inspect", file, "--json"]);
  } catch (error) {
    return error.stdout;
  }
}

/** The file that a press of a button has the browser save. */
async function saved(button) {
  const coming = page.waitForEvent("download");
  await button.click();
  const download = await coming;
  const place = path.join(world.folder, "saved", download.suggestedFilename());
  await download.saveAs(place);
  return { name: download.suggestedFilename(), place };
}

const parameter = (name) => new URL(page.url()).searchParams.get(name);

/** The keyboard goes to a path of the tree, letter by letter of its parts, as a person who knows it does. */
async function walkTo(...names) {
  const list = byTest(page, "tree");
  const active = () => list.evaluate((grid) => document.getElementById(grid.getAttribute("aria-activedescendant") ?? "")?.querySelector(".tree-text")?.textContent);
  await list.focus();
  await page.keyboard.press("Home");
  await until("the first row", () => list.evaluate((grid) => document.getElementById(grid.getAttribute("aria-activedescendant") ?? "")?.getAttribute("aria-rowindex") === "2"));
  for (const name of names) {
    for (let presses = 0; presses < 40 && (await active()) !== name; presses += 1) {
      const before = await active();
      await page.keyboard.press("ArrowDown");
      await until("the next row", async () => (await active()) !== before);
    }
    expect((await active()) === name, `the keyboard is on ${await active()}, not on ${name}`);
    const isClosed = await list.evaluate((grid) => document.getElementById(grid.getAttribute("aria-activedescendant"))?.getAttribute("aria-expanded") === "false");
    if (isClosed) await page.keyboard.press("ArrowRight");
  }
}

try {
  await steps.step("a file is opened from the tree by keyboard, as text in colours, and Escape leads back to its row", async () => {
    page = await (await world.browser.newContext({ locale: "en-US", acceptDownloads: true })).newPage();
    page.on("pageerror", (error) => console.log(`page error: ${error}`));
    page.on("console", (message) => /Content Security Policy/i.test(message.text()) && violations.push(message.text()));
    await page.goto(await world.address());
    await connected(page);
    await byTest(page, "drop-input").setInputFiles(archive());
    await byTest(page, "layer-row").first().waitFor();
    await byTest(page, "tree-row").first().waitFor();
    await walkTo("app", "run");
    await page.keyboard.press("Enter");
    const list = byTest(page, "file-text");
    await list.waitFor();
    expect((await list.locator(".code-text").allTextContents()).join("\n") === script.trimEnd(), "the text is another");
    expect((await list.locator(".code-comment").allTextContents()).includes("# starts the service"), "the comment has no colour");
    expect(parameter("file") === "app/run", `the address is ${page.url()}`);
    await byTest(page, "file-find").fill("listens");
    await until("the find", async () => (await byTest(page, "find-said").textContent()) === "1 of 1");
    await until("its line in the address", async () => parameter("at") === "6");
    await photograph(page, "file-text");
    await noSidewaysScroll(page, "a file's text");
    // In a search field with something in it, the browser's first Escape empties the field.
    await list.focus();
    await page.keyboard.press("Escape");
    await until("the end of the dialog", async () => (await byTest(page, "file-view").count()) === 0);
    expect(await byTest(page, "tree").evaluate((grid) => grid === document.activeElement), "the focus is not back in the tree");
    expect(parameter("file") === null, `the address is ${page.url()}`);
  });

  await steps.step("its bytes are shown anywhere in it, and only those in sight", async () => {
    await walkTo("app", "large.bin");
    await page.keyboard.press("Enter");
    const list = byTest(page, "file-hex");
    await list.waitFor();
    await byTest(page, "go-offset").fill("0x2ffff0");
    await page.keyboard.press("Enter");
    const expected = [...large.subarray(0x2ffff0, 0x300000)].map((byte) => byte.toString(16).padStart(2, "0"));
    await until("the last row", async () => {
      const row = list.locator(".is-active");
      const [place, digits] = [await row.locator(".code-place").textContent(), await row.locator(".code-digits").textContent()];
      return place === "002ffff0" && digits.split(/\s+/).join() === expected.join();
    });
    expect((await list.locator("[role=row]").count()) < 80, "more rows are drawn than are in sight");
    await photograph(page, "file-hex");
    await noSidewaysScroll(page, "a file's bytes");
    await page.keyboard.press("Escape");
  });

  await steps.step("a program of this machine says what it is and needs, as readelf says it", async () => {
    await walkTo("bin", "true");
    await page.keyboard.press("Enter");
    await byTest(page, "file-program").waitFor();
    const needed = await byTest(page, "needed").locator("li").allTextContents();
    expect(needed.some((name) => name.startsWith("libc.")), `it needs ${needed}`);
    const said = await byTest(page, "file-program").textContent();
    try {
      const told = run("readelf", ["-Wdln", realpathSync("/bin/true")]);
      const libraries = [...told.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1]);
      expect(needed.join() === libraries.join(), `it needs ${needed}, and readelf says ${libraries}`);
      const id = /Build ID: (\w+)/.exec(told)?.[1];
      expect(!id || said.includes(id), `its build ID is ${id}`);
      const loader = /interpreter: (.*)\]/.exec(told)?.[1];
      expect(!loader || said.includes(loader), `its loader is ${loader}`);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      steps.skip("a program beside readelf", "readelf is not installed");
    }
    await photograph(page, "file-program");
    await noSidewaysScroll(page, "a program");
    await page.keyboard.press("Escape");
  });

  await steps.step("what a layer changed in a file stands by lines, with what else it changed", async () => {
    await walkTo("etc", "app.conf");
    await page.keyboard.press("Enter");
    await byTest(page, "file-text").waitFor();
    await byTest(page, "tab-text").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    const list = byTest(page, "file-diff");
    await list.waitFor();
    expect((await byTest(page, "compare-said").textContent()) === "2 added, 1 removed", await byTest(page, "compare-said").textContent());
    const rows = await list.locator(".is-added .code-text, .is-removed .code-text").allTextContents();
    expect(rows.join() === "option_30 = 30,option_30 = thirty,last = yes", `what differs is ${rows}`);
    expect((await byTest(page, "compare-meta").textContent()).includes("rw-r--r-- → rw-------"), "the mode is not compared");
    await photograph(page, "file-differences");
    await noSidewaysScroll(page, "a file's differences");
    await byTest(page, "tab-details").click();
    await byTest(page, "file-versions").waitFor();
    await photograph(page, "file-details");
    await page.keyboard.press("Escape");
  });

  await steps.step("a key that was deleted is looked into at its layer from what the image holds", async () => {
    await byTest(page, "tab-contents").click();
    const danger = byTest(page, "danger-private_key");
    await danger.getByTestId("danger-open").click();
    await byTest(page, "file-text").waitFor();
    expect((await byTest(page, "file-text").textContent()).includes("BEGIN RSA PRIVATE KEY"), "the key is not there");
    await photograph(page, "file-secret");
    await byTest(page, "file-version").selectOption("");
    await byTest(page, "file-gone").waitFor();
    await page.keyboard.press("Escape");
    await byTest(page, "tab-files").click();
  });

  await steps.step("a picture is shown under the page's policy", async () => {
    await walkTo("app", "logo.png");
    await page.keyboard.press("Enter");
    const drawn = byTest(page, "file-picture").locator("img");
    await until("the picture", () => drawn.evaluate((image) => image.naturalWidth === 1));
    await page.keyboard.press("Escape");
    expect(violations.length === 0, violations.join("\n"));
  });

  await steps.step("a file and a folder are saved, byte for byte", async () => {
    await walkTo("app", "large.bin");
    await until("the chosen path", async () => (await byTest(page, "tree-details").textContent()).includes("/app/large.bin"));
    const file = await saved(byTest(page, "tree-details").getByTestId("download"));
    expect(file.name === "large.bin" && readFileSync(file.place).equals(large), `${file.name} has other bytes`);
    await walkTo("app");
    await until("the chosen folder", async () => /^\/app\b(?!\/)/.test(await byTest(page, "tree-details").locator("code").first().textContent()));
    const folder = await saved(byTest(page, "tree-details").getByTestId("download"));
    expect(folder.name === "app.tar", `the folder is saved as ${folder.name}`);
    const listed = run("tar", ["-tf", folder.place]).trim().split("\n").map((name) => name.replace(/\/$/, "")).sort();
    expect(listed.join() === "app,app/large.bin,app/logo.png,app/run", `the tar holds ${listed}`);
    const name = listed.find((name) => name.endsWith("run"));
    expect(run("tar", ["-xOf", folder.place, name]) === script, "the tar's file has other bytes");
  });

  await steps.step("an address of a file leads to it, once the image is open again, in Portuguese too", async () => {
    await walkTo("etc", "app.conf");
    await page.keyboard.press("Enter");
    await byTest(page, "file-text").waitFor();
    await byTest(page, "go-line").fill("40");
    await page.keyboard.press("Enter");
    await until("the line in the address", async () => parameter("at") === "40");
    await page.reload();
    await page.getByRole("button", { name: "Mudar para português" }).click();
    await byTest(page, "drop-input").setInputFiles(path.join(world.folder, "files.tar"));
    const list = byTest(page, "file-text");
    await list.waitFor();
    await until("its line", async () => /option_39/.test(await list.locator(".is-active").textContent()));
    expect((await byTest(page, "tab-differences").textContent()) === "Diferenças", "it is not in Portuguese");
    await photograph(page, "file-portuguese");
  });

  await steps.step("large layers are read side by side, and known again the next time, until they are another's", async () => {
    const big = largeArchive("large", ["one", "two"], 12);
    const opened = async (file, layers = 2) => {
      await page.goto("about:blank");
      await page.goto(await world.address());
      await connected(page);
      await byTest(page, "drop-input").setInputFiles(file);
      await until("the layers", async () => (await byTest(page, "layer-row").count()) === layers);
      const { place } = await saved(byTest(page, "save-analysis"));
      return readFileSync(place, "utf8");
    };
    const known = () => byTest(page, "kept-layers").textContent();
    page = await (await world.browser.newContext({ locale: "en-US", acceptDownloads: true })).newPage();
    await page.addInitScript(() => {
      window.seen = [];
      new MutationObserver(() => {
        const told = document.querySelector("[data-testid=so-far]")?.textContent;
        if (told) window.seen.push(`${told} ${document.querySelectorAll("[data-testid=layer-row].is-unread").length}`);
      }).observe(document, { childList: true, subtree: true });
    });
    const first = await opened(big);
    // The layer that is read first can be looked at while the other one is read.
    const seen = await page.evaluate(() => window.seen);
    expect(seen.some((told) => /^1 of 2 layers read so far.* 1$/.test(told)), `while it was read, the page said ${seen}`);
    expect(first === spoken(big), "what was read side by side is not what the command reads");
    expect((await byTest(page, "kept-layers").count()) === 0, "layers are known that were never read");
    const began = Date.now();
    const second = await opened(big);
    expect(second === first, "what was kept is not what was read");
    console.log(`         opened again in ${Date.now() - began} ms, with the page`);
    expect((await known()).startsWith("2 layers known"), await known());
    await photograph(page, "files-kept");
    // The files are read where they lie, by what was kept.
    await walkTo("two", "last.txt");
    await page.keyboard.press("Enter");
    await byTest(page, "file-text").waitFor();
    expect((await byTest(page, "file-text").textContent()).includes("the end of two"), "the file has other bytes");
    await page.keyboard.press("Escape");
    // Another layer under the same name: its samples differ, so it is read, and is not what the config says.
    const changed = readFileSync(big);
    changed.fill(7, changed.length - 3_000_000, changed.length - 2_000_000);
    const other = path.join(world.folder, "other.tar");
    writeFileSync(other, changed);
    const third = await opened(other);
    expect(third === spoken(other), "a changed layer is taken for the one that was kept");
    expect(/^1 layer known/.test(await known()), await known());
    await byTest(page, "forget-layers").click();
    await until("what is forgotten", async () => /^2 layers forgotten/.test(await known()));
    await opened(big);
    expect((await byTest(page, "kept-layers").count()) === 0, "what was forgotten is known");
    // One that is too large to be held whole while it is read.
    const longer = largeArchive("longer", ["one"], 100, { packed: true });
    expect((await opened(longer, 1)) === spoken(longer), "what was read ahead is not what the command reads");
  });
} finally {
  await world.close();
}
process.exitCode = steps.finish() ? 0 : 1;
