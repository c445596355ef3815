// GraphiQL in a real browser, cut off from every other host.
import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { exampleTabs } from '../../src/graphql/graphiql/examples.js';
import { startDevelopmentServer } from '../support/server.js';
import { launchChromium } from './chromium.js';

let server: Awaited<ReturnType<typeof startDevelopmentServer>>;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let foreign: string[];
let complaints: string[];

beforeAll(async () => {
  [server, browser] = await Promise.all([startDevelopmentServer(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  foreign = [];
  complaints = [];
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.route('**/*', (route) => {
    const { href, hostname } = new URL(route.request().url());
    if (['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return route.continue();
    foreign.push(href);
    return route.abort();
  });
  page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await openGraphiql();
});

afterEach(async () => {
  await context?.close();
});

async function openGraphiql(): Promise<void> {
  // The schema is asked for once the page stands; until it is there, editors neither complete nor check.
  const [introspection] = await Promise.all([page.waitForResponse(isOperation), page.goto(server.graphqlUrl)]);
  await introspection.finished();
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
}

function isOperation(message: { url(): string; request?(): Request; method?(): string }): boolean {
  const method = message.request?.().method() ?? message.method?.();
  return message.url().split('?')[0] === server.graphqlUrl && method === 'POST';
}

async function run(): Promise<{ request: Request; body: { data?: unknown; errors?: unknown } }> {
  const [response] = await Promise.all([
    page.waitForResponse(isOperation),
    page.locator('.graphiql-execute-button').click(),
  ]);
  return { request: response.request(), body: await response.json() };
}

/**
 * For a moment after a change of tabs GraphiQL still holds the other tab's operation and answers a click with "Cannot infer
 * operation", without asking the server. A person clicks again.
 */
async function runAfterSwitch(): ReturnType<typeof run> {
  for (let attempt = 1; attempt < 5; attempt += 1) {
    const sent = page.waitForRequest(isOperation, { timeout: 2_000 }).catch(() => undefined);
    await page.locator('.graphiql-execute-button').click();
    const response = await (await sent)?.response();
    if (response) return { request: response.request(), body: await response.json() };
  }
  return run();
}

async function replaceText(editor: string, text: string): Promise<void> {
  await page.locator(`${editor} .view-lines >> visible=true`).click();
  await page.keyboard.press('Control+A');
  // Typed over a selection, an opening bracket would enclose it.
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
  await expect.poll(() => textOf(editor)).toBe(text);
}

async function textOf(editor: string): Promise<string> {
  // Monaco prints its spaces as no-break spaces.
  return (await page.locator(`${editor} .view-lines >> visible=true`).textContent())?.replaceAll('\u00a0', ' ') ?? '';
}

function activeTab(): Promise<string | null> {
  return page.locator('.graphiql-tab-active .graphiql-tab-button').textContent();
}

it('answers the first example with data, without any other host and without a complaint', async () => {
  const { request, body } = await run();
  expect(body.errors).toBeUndefined();
  expect(body.data).toBeTruthy();
  expect((await request.allHeaders()).authorization).toBe(`Bearer ${server.token}`);
  expect(request.postData()).toContain(server.environmentId);
  await expect.poll(() => textOf('.graphiql-response')).toContain('"data"');
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});

it('loads the workers that complete and check operations', async () => {
  await expect
    .poll(() =>
      page
        .workers()
        .map((worker) => /\/graphql\/assets\/(\w+)\.worker\.\w+\.js$/.exec(worker.url())?.[1])
        .sort(),
    )
    .toEqual(expect.arrayContaining(['editor', 'graphql', 'json']));
  await replaceText('.graphiql-query-editor', '{ noSuchField }');
  await page.locator('.graphiql-query-editor .squiggly-error').first().waitFor();
});

it("sends a person's own Authorization header in place of the development one, however it is spelled", async () => {
  await page.locator('.graphiql-editor-tools button', { hasText: 'Headers' }).click();
  for (const name of ['Authorization', 'authorization']) {
    await replaceText('.graphiql-editor-tool', `{"${name}": "Bearer mine-${name}"}`);
    const { request } = await run();
    expect((await request.allHeaders()).authorization).toBe(`Bearer mine-${name}`);
  }
});

it('opens a tab with its variables at the first click, also after the window was resized', async () => {
  await page.setViewportSize({ width: 1200, height: 800 });
  const tabs = page.locator('.graphiql-tab-button');
  expect(await tabs.count()).toBeGreaterThan(1);
  for (const index of [1, 2]) {
    const title = await tabs.nth(index).textContent();
    await tabs.nth(index).click();
    await expect.poll(activeTab).toBe(title);
    await expect.poll(() => textOf('.graphiql-query-editor')).toContain(title);
    await expect.poll(() => textOf('.graphiql-editor-tool')).toContain('{');
  }
});

it('shows the whole of every example in a window of 1280 pixels, and answers it without a refusal', async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const { query } of exampleTabs()) {
    const title = /(?:query|mutation|subscription) (\w+)/.exec(query)?.[1] as string;
    await page.locator('.graphiql-tab-button', { hasText: title }).click();
    await expect.poll(() => textOf('.graphiql-query-editor')).toContain(title);
    const [lines, toolbar] = ['.view-line > span', '.graphiql-toolbar'].map((part) =>
      page.locator(`.graphiql-query-editor ${part} >> visible=true`),
    );
    const ends = await Promise.all(((await lines?.all()) ?? []).map(async (line) => line.boundingBox()));
    const begin = (await toolbar?.first().boundingBox())?.x ?? 0;
    for (const box of ends) expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThan(begin);
    // A stream has no one answer; it has a test of its own.
    if (query.includes('subscription')) continue;
    const { body } = await runAfterSwitch();
    expect(body.errors).toBeUndefined();
    expect(JSON.stringify(body.data)).not.toMatch(/"code"|null/);
  }
});

it('underlines what the schema does not know, but not an object that is given for a custom scalar', async () => {
  const example = exampleTabs(server.environmentId).find(({ query }) => query.includes('mutation CreateSecret'));
  await page.locator('.graphiql-tab-button', { hasText: 'CreateSecret' }).click();
  await expect.poll(() => textOf('.graphiql-editor-tool')).toContain('"input"');
  const marks = page.locator('.graphiql-editor-tool').locator('.squiggly-error, .squiggly-warning');
  await replaceText('.graphiql-editor-tool', '{"input":{"misspelled":1}}');
  await expect.poll(() => marks.count()).toBeGreaterThan(0);
  await replaceText('.graphiql-editor-tool', JSON.stringify(JSON.parse(example?.variables ?? '')));
  await expect.poll(() => marks.count()).toBe(0);
});

it('keeps tabs and headers over a reload, but nothing on disk or in the address', async () => {
  const headers = '{"x-kept": "yes"}';
  const before = await page.locator('.graphiql-tab-button').count();
  await page.locator('.graphiql-tab-button').nth(1).click();
  await replaceText('.graphiql-query-editor', 'query Edited { __typename }');
  await expect.poll(activeTab).toBe('Edited');
  await page.locator('.graphiql-editor-tools button', { hasText: 'Headers' }).click();
  await replaceText('.graphiql-editor-tool', headers);
  await run();
  expect(page.url()).toBe(server.graphqlUrl);
  await page.locator('.graphiql-tab-button').nth(2).click();
  await expect.poll(() => page.evaluate('sessionStorage.getItem("graphiql:tabState")')).toMatch(/"activeTabIndex":2/);
  const title = await activeTab();
  await openGraphiql();
  expect(await page.locator('.graphiql-tab-button').count()).toBe(before);
  expect(await activeTab()).toBe(title);
  await page.locator('.graphiql-tab-button', { hasText: 'Edited' }).click();
  await expect.poll(() => textOf('.graphiql-query-editor')).toContain('Edited');
  expect((await (await runAfterSwitch()).request.allHeaders())['x-kept']).toBe('yes');
  expect(await page.evaluate('localStorage.length')).toBe(0);
});

it('sends subscriptions by POST, so that their variables stay out of addresses', async () => {
  await replaceText('.graphiql-query-editor', 'subscription Watch { __typename }');
  await expect.poll(activeTab).toBe('Watch');
  const [request] = await Promise.all([
    page.waitForRequest((message) => (message.headers().accept ?? '').includes('text/event-stream')),
    page.locator('.graphiql-execute-button').click(),
  ]);
  expect(request.method()).toBe('POST');
  expect(request.url()).toBe(server.graphqlUrl);
});

it('shows history and the past of the environment', async () => {
  for (const title of ['SecretHistory', 'AsItWas']) {
    await page.locator('.graphiql-tab-button', { hasText: title }).click();
    await expect.poll(() => textOf('.graphiql-query-editor')).toContain(title);
    const { body } = await runAfterSwitch();
    expect(body.errors).toBeUndefined();
    expect(JSON.stringify(body.data)).toContain('secretValueText');
  }
});

it('shows the changes of a subscription as they come, until it is stopped', async () => {
  await page.locator('.graphiql-tab-button', { hasText: 'WatchSecrets' }).click();
  await expect.poll(() => textOf('.graphiql-query-editor')).toContain('WatchSecrets');
  await expect
    .poll(async () => {
      if (!(await page.locator('.graphiql-execute-button[aria-label^="Stop"]').count())) {
        await page.locator('.graphiql-execute-button').click();
      }
      return textOf('.graphiql-response');
    })
    .toContain('environmentRevision');
  const create = async (name: string) => {
    const response = await fetch(`${server.url}/v1/envs/${server.environmentId}/agent-secrets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ path: [name], secretType: { type: 'Str' } }),
    });
    expect(response.status).toBe(200);
  };
  for (const name of ['first', 'second']) {
    await create(name);
    await expect.poll(() => textOf('.graphiql-response')).toContain(`"pathText": "${name}"`);
  }
  await page.locator('.graphiql-execute-button').click();
  await create('third');
  await expect.poll(() => page.locator('.graphiql-execute-button[aria-label^="Stop"]').count()).toBe(0);
  expect(await textOf('.graphiql-response')).not.toContain('third');
  expect(complaints).toEqual([]);
});
