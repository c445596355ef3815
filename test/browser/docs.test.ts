// The page at /docs in a real browser, cut off from every other host.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDocsRoutes } from '../../src/rest/docs/docs.js';
import { launchChromium } from './chromium.js';

let server: ServerType;
let origin: string;
let browser: Browser;

beforeAll(async () => {
  server = serve({
    fetch: createDocsRoutes({ graphiql: true, trustProxy: false }).fetch,
    hostname: '127.0.0.1',
    port: 0,
  });
  browser = await launchChromium();
  origin = `http://127.0.0.1:${((server as Server).address() as AddressInfo).port}`;
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** Text whose contrast with what is behind it is below 4.5, the least that WCAG asks for (AA). */
const FAINT = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return channels(colour)[3] === 0 ? behind(element.parentElement) : colour;
  };
  return [...document.querySelectorAll('body *')].filter((element) => {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!hasText) return false;
    const both = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 100));
})()`;

describe.each([
  { name: 'a desktop, light', colorScheme: 'light', width: 1280, background: 'rgb(255, 255, 255)' },
  { name: 'a desktop, dark', colorScheme: 'dark', width: 1280, background: 'rgb(20, 23, 28)' },
  { name: 'a phone', colorScheme: 'light', width: 360, background: 'rgb(255, 255, 255)' },
] as const)('on $name', ({ colorScheme, width, background }) => {
  let page: Page;
  const asked: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    page = await context.newPage();
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${origin}/docs`);
  });

  afterAll(() => page?.context().close());

  it('asks for nothing but itself, and its policy lets its style through', async () => {
    expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([`${origin}/docs`]);
    expect(complaints).toEqual([]);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(background);
  });

  it('is as wide as the window', async () => {
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  });

  it('has no faint text', async () => {
    expect(await page.evaluate(FAINT)).toEqual([]);
  });

  it('leads from an operation to its errors and back', async () => {
    await page.locator('nav a[href="#update_agent_secret"]').click();
    const article = page.locator('article', { has: page.locator('#update_agent_secret') });
    expect(await article.locator('pre').first().isVisible()).toBe(true);
    await article.locator('a[href="#CONCURRENT_UPDATE"]').click();
    expect(new URL(page.url()).hash).toBe('#CONCURRENT_UPDATE');
    expect(await page.locator('#CONCURRENT_UPDATE').textContent()).toContain('409');
    await page.goBack();
    expect(new URL(page.url()).hash).toBe('#update_agent_secret');
    await article.locator('summary').click();
    expect(await article.locator('details pre').isVisible()).toBe(true);
  });
});
