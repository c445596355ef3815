// The README's tour and its way into production, pasted into a shell as they stand.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freePort } from '../server/process/client.js';
import { startIssuer } from '../support/issuer.js';
import { createTestDatabase } from '../support/postgres/database.js';
import { ensureBuilt, startServer } from '../support/server.js';

/** The commands of one section. */
async function commandsOf(from: string, to: string): Promise<string[]> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const section = readme.slice(readme.indexOf(from), readme.indexOf(to));
  return [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] as string);
}

test('every command of the tour, and of the log behind it, works when it is pasted', async () => {
  const script = (await commandsOf('## A five-minute tour', '## REST errors')).join('\n');
  const folder = await mkdtemp(join(tmpdir(), 'asg-readme-'));
  const server = await startServer({ dataDir: join(folder, 'data') });
  try {
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', script], {
      cwd: folder,
    });
    expect(stdout).toContain('"pathText":"billing.apiKey","revision":0');
    expect(stdout).toContain('{"pathText":"billing.apiKey","secretTypeText":"string","hasValue":true}');
    expect(stdout).toContain('"revision":1,"secretType":{"type":"U16"},"secretValue":6432}');
    expect(stdout).toContain('"revision":2,"secretType":{"type":"U16"},"secretValue":null}');
    expect(stdout).toContain('"revision":2,"change":"DELETED"');
    expect(stdout).toContain('{"data":{"restoreAgentSecret":{"revision":3,"secretValueText":"5432"}}}');
    expect(stdout).toContain('{"data":{"environment":{"revision":5,"agentSecrets":{"totalCount":5,');
    expect(stdout).toMatch(/"applied":false,"environmentRevision":\d+,"results":\[\{"revision":4\},\{"revision":5\}\]/);
    const repeated = '"revision":4,"secretType":{"type":"U16"},"secretValue":7432}';
    expect(stdout.split(repeated)).toHaveLength(3);
    expect(stdout).toContain('{"data":{"destroyAgentSecretRevision":{"revision":5}}}');
    expect(stdout).toMatch(/^id: 6\ndata: \{"environmentRevision":6,/m);
    expect(stdout).toContain('event: next\ndata: {"data":{"agentSecretChanges":{"environmentRevision":6,');
    expect(stdout).not.toMatch(/errors|"code"/);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

test('the example of logins works, with an issuer instead of the one it names', async () => {
  const [start, use] = (await commandsOf('### Logins', '### Read audit')) as [string, string];
  const settings = [...start.matchAll(/\b(OIDC_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]);
  const issuer = await startIssuer();
  const env = { ...Object.fromEntries(settings), OIDC_ISSUER: issuer.url };
  const server = await startServer({ env });
  try {
    const JWT = await issuer.sign({ aud: env.OIDC_AUDIENCE, [env.OIDC_ACCOUNT_CLAIM]: 'development' });
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', use], {
      env: { ...process.env, URL: server.url, JWT },
    });
    expect(JSON.parse(stdout)).toEqual({ data: { viewer: { name: 'development' } } });
  } finally {
    await server.stop();
    await issuer.close();
  }
});

/** Stands in for npm: what installs is done already, and scripts run as package.json says, from the build of the tests. */
const NPM = `
npm() {
  case "$1 $2" in "ci --include=dev" | "run build" | "prune --omit=dev") return;; esac
  local name=start
  [ "$1" = start ] || { [ "$1 $2 $4" = "run --silent --" ] || return 64; name=$3; shift 4; }
  local script=$(node -p "require('$ROOT/package.json').scripts['$name'].replace('dist/', process.env.BUILT + '/')")
  case $name in start) eval "$script & SERVER=\\$!";; *) eval "$script \\"\\$@\\"";; esac
}
trap 'kill $SERVER' EXIT
`;

test('every command of the way into production works when it is pasted', async () => {
  const blocks = await commandsOf('## In production', '## How it is built');
  const [install, use] = blocks as [string, string];
  expect(install.split('\n')[0], 'an upgrade is an installation').toBe(blocks.at(-1)?.trim());
  const folder = await mkdtemp(join(tmpdir(), 'asg-readme-'));
  const database = await createTestDatabase();
  const port = String(await freePort());
  const script = [
    NPM,
    install
      .replace(/DATABASE_URL=\S+/, `DATABASE_URL=${database.url}`)
      .replace(/^(npm run --silent token .*)$/m, 'TOKEN=$($1)'),
    `until curl -sf http://127.0.0.1:${port}/readyz > started; do kill -0 $SERVER; done`,
    use.replaceAll(':4000/', `:${port}/`),
  ].join('\n');
  try {
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', script], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        PORT: port,
        BUILT: await ensureBuilt(),
        ROOT: fileURLToPath(new URL('../..', import.meta.url)),
      },
    });
    expect(stdout).toContain(`${folder}/agent-secrets/master-keys.json\n`);
    expect(stdout).toContain('{"data":{"createEnvironmentShare":{"__typename":"EnvironmentShare"}}}');
    expect(await readdir(folder)).toEqual(['agent-secrets', 'started']);
  } finally {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
});
