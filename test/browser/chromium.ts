// The browser of the browser tests: whichever Chromium this machine has.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Quiet on the network: what the page asks for must be all there is. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
}

function findChromium(): string {
  const named = process.env.CHROMIUM_PATH;
  const found = (named ? [named] : CANDIDATES).find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(
      `The browser tests need Chromium, and there is none at ${named ?? CANDIDATES.join(', ')}. ` +
        'Install it (Debian, Ubuntu: apt-get install -y chromium) or name one in CHROMIUM_PATH.',
    );
  }
  return found;
}
