// An image that nobody pulled, looked at where its registry has it: its documents at once, each layer when it is looked at, and
// what else is about it. Real Chromium, Debian's registry on loopback.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_SHOTS a folder for screenshots.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { accessible } from "./accessible.mjs";
import { SlowRegistry, Steps, World, byTest, connected, expect, noSidewaysScroll, photograph, run, until } from "./harness.mjs";

const program = process.env.ESTIVA_BIN;
expect(program, "ESTIVA_BIN must name the program to test");

const steps = new Steps();
const world = await World.open({ playwright: process.argv[2], program, serve: ["--listen", "127.0.0.1:0"] });
let registry;
let page;
let name;
let manifest;

const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const blobsAsked = () => registry.asked.filter((asked) => asked.includes("/blobs/")).map((asked) => asked.split("/blobs/")[1]);
const unread = () => page.locator("[data-testid=layer-row].is-unread").count();

/** Puts something into the registry itself, by its own protocol. */
async function put(url, body, type) {
  const response = await fetch(`http://${registry.direct}${url}`, { method: "PUT", body, headers: { "content-type": type } });
  expect(response.ok, `the registry answers ${response.status}: ${await response.text()}`);
}

/** A signature about the image, and the index by which registries without a list of referrers lead to it. */
async function sign(digest) {
  const begun = await fetch(`http://${registry.direct}/v2/team/look/blobs/uploads/`, { method: "POST" });
  const place = new URL(begun.headers.get("location"), `http://${registry.direct}`);
  place.searchParams.set("digest", sha256("{}"));
  await put(place.pathname + place.search, "{}", "application/octet-stream");
  const kind = "application/vnd.oci.image.manifest.v1+json";
  const empty = { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256("{}"), size: 2 };
  const signature = JSON.stringify({ schemaVersion: 2, mediaType: kind, artifactType: "application/vnd.example.signature", config: empty, layers: [empty] });
  await put("/v2/team/look/manifests/signature", signature, kind);
  const listed = { mediaType: kind, digest: sha256(signature), size: signature.length, artifactType: "application/vnd.example.signature", annotations: { "org.example.signer": "ada" } };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [listed] });
  await put(`/v2/team/look/manifests/${digest.replace(":", "-")}`, index, "application/vnd.oci.image.index.v1+json");
}

try {
  await steps.step("an image in a registry is known by its documents alone", async () => {
    registry = await SlowRegistry.open(world.folder);
    const context = path.join(world.folder, "context");
    mkdirSync(context);
    writeFileSync(path.join(context, "noise"), randomBytes(3_000_000));
    writeFileSync(path.join(context, "small.txt"), "a small file\n");
    writeFileSync(path.join(context, "Dockerfile"), "FROM busybox\nCOPY noise /srv/\nCOPY small.txt /srv/\n");
    await world.address();
    world.estiva("base", "busybox");
    const pushed = `${registry.direct}/team/look:1`;
    world.estiva("build", "-t", pushed, context);
    const said = world.estiva("push", pushed);
    manifest = /sha256:[0-9a-f]{64}/.exec(said)[0];
    world.estiva("rmi", pushed);
    await sign(manifest);
    name = `${registry.host}/team/look:1`;
    page = await (await world.browser.newContext({ locale: "en-US" })).newPage();
    page.on("pageerror", (error) => console.log(`page error: ${error}`));
    await page.goto(await world.address());
    await connected(page);
    await byTest(page, "remote-reference").fill(name);
    await photograph(page, "remote-form");
    await byTest(page, "remote-open").click();
    await byTest(page, "at-registry").waitFor();
    expect((await byTest(page, "layer-row").count()) === 3, "expected three layers");
    expect((await unread()) === 3, "a layer is read that nobody looked at");
    expect(blobsAsked().length === 1, `beside the config it was asked for ${blobsAsked()}`);
    expect(/No layer is fetched yet/.test(await byTest(page, "at-registry").textContent()), await byTest(page, "at-registry").textContent());
    await photograph(page, "remote-none");
    await accessible(page, "remote-none");
    await noSidewaysScroll(page, "an image of a registry");
  });

  await steps.step("a layer comes when it is looked at, and no other", async () => {
    await byTest(page, "layer-row").nth(2).click();
    await until("the layer", async () => (await unread()) === 2);
    await until("its file", async () => (await page.getByText("small.txt", { exact: true }).count()) > 0);
    expect(blobsAsked().length === 2, `it was asked for ${blobsAsked()}`);
    await page.getByText("small.txt", { exact: true }).first().click();
    await byTest(page, "tree").focus();
    await page.keyboard.press("Enter");
    await byTest(page, "file-text").waitFor();
    expect((await byTest(page, "file-text").textContent()).includes("a small file"), "the file has other bytes");
    await page.keyboard.press("Escape");
    await photograph(page, "remote-one");
  });

  await steps.step("what else is about it stands beside its documents", async () => {
    await byTest(page, "tab-documents").click();
    await byTest(page, "referrer").waitFor();
    const said = await byTest(page, "referrer").textContent();
    expect(/application\/vnd\.example\.signature/.test(said) && /org\.example\.signer=ada/.test(said), `it says ${said}`);
    expect((await byTest(page, "document").filter({ hasText: manifest.slice(7) }).count()) > 0, "the manifest is not there");
    await photograph(page, "remote-referrers");
    await accessible(page, "remote-referrers");
  });

  await steps.step("the others come together, half a layer is told, and all is verified in the end", async () => {
    registry.hold();
    await byTest(page, "fetch-rest").click();
    await until("a part of it", async () => /Fetching layer \d: [\d.]+ \w+ of/.test(await byTest(page, "at-registry").textContent()));
    await photograph(page, "remote-coming");
    registry.release();
    await until("all of it", async () => (await byTest(page, "at-registry").count()) === 0);
    expect((await unread()) === 0, "a layer is still missing");
    await page.getByText("Digest verified").waitFor();
    const theirs = JSON.parse(run("skopeo", ["inspect", "--tls-verify=false", `docker://${registry.direct}/team/look:1`]));
    expect(theirs.Layers.every((digest) => blobsAsked().includes(digest)), `it was asked for ${blobsAsked()}`);
  });

  await steps.step("its address leads to it again, and a name that is not there is told in the registry's words", async () => {
    await page.reload();
    await byTest(page, "at-registry").waitFor();
    // The layer that the address means is looked at, and the others are not.
    await until("the chosen layer", async () => (await unread()) === 2);
    const before = blobsAsked().length;
    await page.locator(".crate").first().click();
    await until("another one, by the picture", async () => (await unread()) === 1);
    expect(blobsAsked().length === before + 1, "more was fetched than one layer");
    await page.getByRole("button", { name: "Close" }).click();
    await byTest(page, "remote-reference").fill(`${registry.host}/team/nothing:1`);
    await byTest(page, "remote-open").click();
    await until("the refusal", async () => /not found|unknown/i.test(await page.locator("main").textContent()));
    await photograph(page, "remote-unknown");
  });
} finally {
  await registry?.close();
  await world.close();
}
process.exitCode = steps.finish() ? 0 : 1;
