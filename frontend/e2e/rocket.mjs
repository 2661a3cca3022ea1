// The notes' own service by button: its folder chosen, its image built on a base that has Node, run with its port published,
// and opened from the page's link. Real Chromium, real server, real container, npm's real registry.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_NODE_BASE an archive of the base, where there is
// one already; ESTIVA_SHOTS a folder for screenshots.

import { existsSync } from "node:fs";
import path from "node:path";
import { Steps, World, answers, byTest, connected, expect, noSidewaysScroll, photograph, run, top, until } from "./harness.mjs";

const rocket = path.join(top, "examples/api-rocket");
const program = process.env.ESTIVA_BIN;
expect(program, "ESTIVA_BIN must name the program to test");

/** What an installation or npm says where no mirror and no registry is reached. */
const UNREACHABLE = /in its Release file|Could not resolve|Unable to connect|Connection failed|Temporary failure|EAI_AGAIN|ENOTFOUND|ETIMEDOUT/;

const steps = new Steps();
const world = await World.open({ playwright: process.argv[2], program, serve: ["--listen", "127.0.0.1:0"] });
let page;

/** Sees to it that FROM node means something; answers why not, where this host can't. */
function base() {
  const made = process.env.ESTIVA_NODE_BASE;
  try {
    if (made && existsSync(made)) world.estiva("load", "-i", made);
    else run(program, ["--root", world.root, "base", "node"], { timeout: 600_000 });
  } catch (error) {
    const why = UNREACHABLE.exec(error.stderr ?? "");
    if (why) return `no Debian mirror can be reached: ${why[0]}`;
    throw error;
  }
  return null;
}

async function walk() {
  await steps.step("the notes' service is built by button from its folder, and npm reaches its registry", async () => {
    page = await (await world.browser.newContext({ locale: "pt-BR" })).newPage();
    page.on("pageerror", (error) => console.log(`page error: ${error}`));
    await page.goto(await world.address());
    await connected(page);
    await byTest(page, "nav-build").click();
    await byTest(page, "build-context-input").setInputFiles(rocket);
    await until("the folder's name", async () => (await byTest(page, "build-tag").inputValue()) === "api-rocket");
    await byTest(page, "build-trust").check();
    await byTest(page, "build-button").click();
    const state = () => byTest(page, "build-status").getAttribute("data-state");
    await until("npm at its work", async () => /npm i/.test(await page.locator("main").textContent()));
    await until("the build's end", async () => ["done", "failed"].includes(await state()), 180_000);
    await photograph(page, "rocket-built");
    expect((await state()) === "done", await page.locator("main").textContent());
  });

  await steps.step("its layers say which line made each, down to the modules that npm brought", async () => {
    await byTest(page, "nav-images").click();
    await page.getByRole("link", { name: "api-rocket:latest" }).click();
    await byTest(page, "layer-row").first().waitFor();
    const rows = await byTest(page, "layer-row").allTextContents();
    expect(rows.some((row) => /RUN npm i/.test(row)), `the layers are ${rows}`);
    await photograph(page, "rocket-layers");
    await noSidewaysScroll(page, "the service's layers");
  });

  await steps.step("it is run by button with its port, and answers in the browser from the page's link", async () => {
    await byTest(page, "nav-images").click();
    const row = page.locator("[data-testid=image-row]", { hasText: "api-rocket:latest" });
    await row.getByTestId("run-button").click();
    await byTest(page, "run-exposed").click();
    expect((await byTest(page, "run-port-host").inputValue()) === "3000", "the port that it exposes is not offered at the same port");
    // Something else of this machine may have it: any free one then.
    if (await answers(3000)) await byTest(page, "run-port-host").fill("");
    await byTest(page, "run-submit").click();
    const opened = byTest(page, "container-ports").getByTestId("port-link").first();
    await opened.waitFor();
    await until("its first words", async () => /api-rocket listens on port 3000/.test(await byTest(page, "container-logs").textContent()));
    await photograph(page, "rocket-container");
    const coming = page.context().waitForEvent("page");
    await opened.click();
    const theirs = await coming;
    await theirs.getByRole("cell", { name: "VLS-1" }).waitFor();
    expect((await theirs.title()) === "Rockets", `the link leads to ${await theirs.title()}`);
    const launched = await theirs.evaluate(async () => {
      const answer = await fetch("/launches", { method: "POST", body: JSON.stringify({ rocket: "vls-1" }) });
      return answer.status;
    });
    expect(launched === 201, `a launch is answered with ${launched}`);
    await photograph(theirs, "rocket-service");
    await theirs.close();
    await until("what it wrote", async () => /launch 1: vls-1/.test(await byTest(page, "container-logs").textContent()));
  });

  await steps.step("it is stopped by button, and ends by itself", async () => {
    await byTest(page, "stop-button").first().click();
    await until("its end", async () => /SIGTERM: ending/.test(await byTest(page, "container-logs").textContent()), 60_000);
    // At SIGKILL it would be 137.
    await until("its status", () => /"code": *0\b/.test(world.estiva("ps", "-a", "--json")));
  });
}

try {
  const missing = base();
  if (missing) steps.skip("the notes' service by button", missing);
  else await walk();
} finally {
  await world.close();
}
process.exitCode = steps.finish() ? 0 : 1;
