// Starts with the master key in a Transit engine: what must be configured, and what a start says when it cannot.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSecret, secretsOf } from '../../server/process/client.js';
import { startTransitServer, type TransitServer } from '../../support/external/transit-server.js';
import { runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let transit: TransitServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-transit-'));
  transit = await startTransitServer();
  await transit.admin('keys/agent-secrets');
});
afterAll(async () => {
  await transit?.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

function environment(more: Record<string, string> = {}): Record<string, string> {
  return {
    MASTER_KEY_PROVIDER: 'transit',
    TRANSIT_URL: transit.url,
    TRANSIT_KEY: 'agent-secrets',
    TRANSIT_TOKEN: transit.token,
    ...more,
  };
}

test('a service keeps its secrets over a restart without any key on disk, its token in a file', async () => {
  const dataDir = join(folder, 'data');
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${transit.token}\n`, { mode: 0o600 });
  const env = environment({ TRANSIT_TOKEN: '', TRANSIT_TOKEN_FILE: tokenFile });
  const first = await startServer({ env, dataDir });
  await createSecret(first, 'kept', 'over a restart');
  await first.stop();
  await transit.admin('keys/agent-secrets/rotate');
  const second = await startServer({ env, dataDir });
  expect((await secretsOf(second)).get('kept').secretValue).toBe('over a restart');
  expect(first.complaints() + second.complaints()).toBe('');
  await second.stop();
});

describe.concurrent('a start', () => {
  async function refusal(env: Record<string, string>): Promise<string> {
    const { code, stdout, stderr } = await runToEnd({ env, dataDir: join(folder, 'never-made') });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^(Cannot start|Bad configuration): [^\n]+\n$/);
    expect(stderr).not.toContain(transit.token);
    return stderr;
  }

  test('that lacks something names all of it', async () => {
    expect(await refusal({ MASTER_KEY_PROVIDER: 'transit' })).toBe(
      'Bad configuration: TRANSIT_URL: required to use Transit; TRANSIT_KEY: required to use Transit; ' +
        'TRANSIT_TOKEN: required to use Transit, unless TRANSIT_TOKEN_FILE is given\n',
    );
    const wrong = { MASTER_KEY_PROVIDER: 'vault', TRANSIT_URL: `https://${transit.token}@vault`, TRANSIT_KEY: 'a b' };
    const line = await refusal(environment({ ...wrong, TRANSIT_TOKEN_FILE: '/etc/token' }));
    expect(line).toContain('MASTER_KEY_PROVIDER: expected one of local, transit');
    expect(line).toContain('TRANSIT_URL: expected a URL such as');
    expect(line).toContain('TRANSIT_KEY: expected letters, digits');
    expect(line).toContain('TRANSIT_TOKEN: give it or TRANSIT_TOKEN_FILE, not both');
  });

  test('with a token that is refused says what the token needs', async () => {
    expect(await refusal(environment({ TRANSIT_TOKEN: 'hvs.stranger' }))).toBe(
      'Cannot start: Transit key transit/agent-secrets: permission denied; ' +
        'give a token that may update transit/encrypt/agent-secrets and transit/decrypt/agent-secrets\n',
    );
  });

  test('without its token file names the file', async () => {
    const env = environment({ TRANSIT_TOKEN: '', TRANSIT_TOKEN_FILE: join(folder, 'none') });
    expect(await refusal(env)).toContain(`token file ${join(folder, 'none')}: it cannot be read (ENOENT)`);
  });

  test('while nobody listens at TRANSIT_URL says so', async () => {
    const gone = await startTransitServer();
    await gone.close();
    expect(await refusal(environment({ TRANSIT_URL: gone.url }))).toBe(
      'Cannot start: the key service of TRANSIT_URL is not reachable (ECONNREFUSED)\n',
    );
  });
});
