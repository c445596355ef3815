// The commands of the guides, pasted into a shell as they stand, on a service that the shell has started.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startIssuer } from '../support/external/issuer.js';
import { commandsOf } from './pages.js';
import { openShell, type Shell } from './shell.js';

vi.setConfig({ testTimeout: 120_000 });

let shell: Shell;
beforeEach(async () => {
  shell = await openShell();
});
afterEach(() => shell.remove());

test('history and changes: old values, going back, the past, change sets, retries, erasing, and the feed', async () => {
  const stdout = await shell.run(`npm start\n${commandsOf('docs/history-and-changes.md')}`);
  expect(stdout).toContain('"revision":2,"change":"DELETED"');
  expect(stdout).toContain('"revision":1,"change":"UPDATED"');
  expect(stdout).toContain('{"data":{"restoreAgentSecret":{"agentSecret":{"revision":3,"secretValueText":"5432"}}}}');
  expect(stdout).toMatch(/"snapshot":\{"at":"[^"]+","agentSecrets":\{"totalCount":6,/);
  expect(stdout).toContain('"applied":false,"environmentRevision":10,"results":[{"revision":4},{"revision":5}]');
  const repeated = '"revision":4,"secretType":{"type":"U16"},"secretValue":7432}';
  expect(stdout.split(repeated)).toHaveLength(3);
  expect(stdout).toContain('{"data":{"destroyAgentSecretRevision":{"agentSecret":{"revision":5}}}}');
  expect(stdout).toMatch(/^id: 7-[\da-f]{16}\ndata: \{"environmentRevision":7,/m);
  expect(stdout).toContain('event: next\ndata: {"data":{"agentSecretChanges":{"environmentRevision":7,');
  expect(stdout).not.toMatch(/errors|"code"/);
});

test('GraphQL: a first operation, exact integers, and persisted documents', async () => {
  const stdout = await shell.run(`npm start\n${commandsOf('docs/graphql.md')}`);
  const viewer = '{"data":{"viewer":{"name":"development"}}}\n';
  expect(stdout.split(viewer)).toHaveLength(3);
  expect(stdout).toContain('"secretValue":18446744073709551615,"secretValueText":"18446744073709551615"');
  expect(stdout).not.toMatch(/errors|"code"/);
});

test('REST: a secret from its creation to its deletion, a list that has not changed, and the stream', async () => {
  const stdout = await shell.run(`npm start\n${commandsOf('docs/rest.md')}`);
  expect(stdout).toMatch(/"path":\["smtp","port\d+"\],"revision":0,.*"secretValue":25\}\n/);
  expect(stdout).toContain('"revision":1,"secretType":{"type":"U16"},"secretValue":587}\n');
  expect(stdout).toContain('"revision":2,"secretType":{"type":"U16"},"secretValue":null}\n304\n');
  expect(stdout).toMatch(/^id: 9-[\da-f]{16}\ndata: .*"change":"deleted"/m);
  expect(stdout).toMatch(/^\{"accountId":"[^"]+","id":"[^"]+","name":"demo","revision":0\}$/m);
  expect(stdout).toMatch(/^\{"applicationId":"[^"]+",.*"name":"prod",.*"versionCheck":false\}$/m);
  expect(stdout).toMatch(/^\{"values":\[\{"account":\{"email":"development",.*"name":"shop-\d+"\},.*\}\]\}$/m);
  expect(stdout).not.toMatch(/errors|"code"/);
});

test('access and tokens: a share, a limited token, a login of an issuer, and the end of old records', async () => {
  const page = 'docs/access-and-tokens.md';
  const issuer = await startIssuer();
  try {
    const logins = commandsOf(page, 'Logins');
    const setting = (name: string) => new RegExp(`\\b${name}=(\\S+)`).exec(logins)?.[1] as string;
    expect(setting('OIDC_ACCOUNT_CLAIM'), 'what no issuer gives to two users').toBe('sub');
    const JWT = await issuer.sign({ aud: setting('OIDC_AUDIENCE'), [setting('OIDC_ACCOUNT_CLAIM')]: 'development' });
    const stdout = await shell.run(
      [
        'npm start',
        commandsOf(page, 'Share an environment', 'One environment, some paths'),
        logins.replace(setting('OIDC_ISSUER'), issuer.url),
        'stop',
        commandsOf(page, 'Read audit'),
      ].join('\n'),
      { JWT },
    );
    const [account, share, token, login, pruned] = stdout.split('\n');
    expect(account).toMatch(/^\{"data":\{"createAccount":\{"account":\{"name":"deployer-\d+"\}\}\}\}$/);
    expect(share).toContain('"roles":["DEPLOYER"]');
    expect(token).toContain('"scopes":["METADATA","REVEAL"],"pathPrefixes":["db"]');
    expect(login).toBe('{"data":{"viewer":{"name":"development"}}}');
    expect(pruned).toBe('0');
  } finally {
    await issuer.close();
  }
});

test('configuration: health', async () => {
  const stdout = await shell.run(`npm start\n${commandsOf('docs/configuration.md')}`);
  expect(stdout).toBe('{"status":"ok"}\n{"status":"ready","writable":true}\n');
});

test('performance and contributing: every script that they name is there', async () => {
  expect(await shell.run(commandsOf('docs/performance.md'))).toBe('');
  expect(await shell.run(`${commandsOf('CONTRIBUTING.md')}`)).toBe('');
});
