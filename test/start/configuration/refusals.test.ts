// Starts that cannot work: one clear line for the operator, no stack, nothing on standard output, exit code 1.
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createTestDatabase, type TestDatabase, testPostgres } from '../../support/postgres/database.js';
import { runToEnd } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let database: TestDatabase;
/** One for all: what a start has made under it, another one finds. */
const keyring = generateKeyring();
let taken: Server;
let port: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-refusals-'));
  database = await createTestDatabase();
  taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  port = String((taken.address() as { port: number }).port);
});
afterAll(async () => {
  taken?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** The one line, after checking everything that holds for every refused start. */
async function refusal(options: Parameters<typeof runToEnd>[0]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({ dataDir: join(folder, 'unused'), ...options });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^(Cannot start|Bad configuration): [^\n]+\n$/);
  expect(stderr).not.toMatch(/\bat \S+ \(|node:internal|undefined|\[object|Error:/);
  return stderr.trimEnd();
}

/** The test database's URL with parts of it replaced. */
function urlWith(change: Partial<Record<'hostname' | 'port' | 'username' | 'password' | 'pathname', string>>): string {
  return Object.assign(new URL(database.url), change).href;
}

describe.concurrent('an address', () => {
  test('whose port is taken is named, with what to change', async () => {
    const line = await refusal({ env: { PORT: port, DATABASE_URL: database.url, MASTER_KEYS: keyring } });
    expect(line).toContain(`127.0.0.1:${port}`);
    expect(line).toContain('PORT');
  });

  test('that is not of this machine is named, with what to change', async () => {
    const line = await refusal({
      env: { HOST: '192.0.2.1', DATABASE_URL: database.url, MASTER_KEYS: keyring },
    });
    expect(line).toContain('192.0.2.1');
    expect(line).toContain('HOST');
  });

  test('whose name does not resolve is named, with what to change', async () => {
    const line = await refusal({
      env: { HOST: 'no-such-host.invalid', DATABASE_URL: database.url, MASTER_KEYS: keyring },
    });
    expect(line).toContain('no-such-host.invalid');
    expect(line).toContain('HOST');
  });
});

describe.concurrent('workers', () => {
  test('of a number that is none, or too large a one, are refused', async () => {
    for (const WORKERS of ['0', '-1', 'x', '1.5', '65', 'Auto', '1e1']) {
      const line = await refusal({ env: { WORKERS, DATABASE_URL: database.url } });
      expect(line).toBe('Bad configuration: WORKERS: expected auto or a whole number from 1 to 64');
    }
  });

  test('on the embedded database are refused, also where auto is one', async () => {
    for (const WORKERS of ['2', 'auto']) {
      const line = await refusal({ env: { WORKERS } });
      expect(line).toMatch(/^Bad configuration: WORKERS: the embedded database is for one process; set DATABASE_URL/);
    }
  });

  test('whose port is taken say so once', async () => {
    const env = { WORKERS: '3', PORT: port, DATABASE_URL: database.url, MASTER_KEYS: keyring };
    expect(await refusal({ env })).toContain(`127.0.0.1:${port} is taken`);
  });

  test('that cannot start say why once', async () => {
    const manifest = join(folder, 'manifest-of-workers.json');
    await writeFile(manifest, JSON.stringify({ other: '{ viewer { nothing } }' }));
    const keys = { MASTER_KEYS: keyring, PERSISTED_DOCUMENTS: manifest };
    const line = await refusal({ env: { WORKERS: '3', DATABASE_URL: database.url, ...keys } });
    expect(line).toMatch(/^Cannot start: PERSISTED_DOCUMENTS: other: /);
  });
});

describe.concurrent('a data folder', () => {
  test('that is a file is refused by its path', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect(await refusal({ dataDir: file })).toContain(file);
  });

  test('below a file is refused by its path', async () => {
    const file = join(folder, 'parent');
    await writeFile(file, '');
    expect(await refusal({ dataDir: join(file, 'data') })).toContain(file);
  });

  test.skipIf(process.platform !== 'linux')('that nobody can create is refused by its path, at once', async () => {
    const line = await refusal({ dataDir: '/proc/nope', withinMs: 15_000 });
    expect(line).toContain('/proc/nope');
    expect(line).toContain('DATA_DIR');
  });

  test('that leads nowhere is refused by its path, and DATA_DIR is named', async () => {
    const dataDir = join(folder, 'dangling');
    await symlink(join(folder, 'missing', 'target'), dataDir);
    const line = await refusal({ dataDir });
    expect(line).toContain(dataDir);
    expect(line).toContain('DATA_DIR');
  });

  test('whose database folder is spoilt is refused, and the folder is named', async () => {
    const dataDir = join(folder, 'spoilt');
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), 'nonsense\n');
    await writeFile(join(dataDir, 'postgres', 'something'), 'else');
    expect(await refusal({ dataDir })).toContain(dataDir);
  });

  test('with a spoilt key file is refused by the file’s path', async () => {
    const dataDir = join(folder, 'spoilt-keys');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'master-keys.json'), '{"current":', { mode: 0o600 });
    expect(await refusal({ dataDir })).toContain(join(dataDir, 'master-keys.json'));
  });
});

describe.concurrent('a database', () => {
  test('that nobody serves is reported as not reachable, with the reason', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => free.once('listening', resolve));
    const closed = String((free.address() as { port: number }).port);
    await new Promise((resolve) => free.close(resolve));
    const line = await refusal({ env: { DATABASE_URL: urlWith({ port: closed }), DATABASE_WAIT_SECONDS: '0' } });
    expect(line).toContain('DATABASE_URL');
    expect(line).toContain('ECONNREFUSED');
  });

  test('on a host without an address is reported as not reachable, with the reason', async () => {
    const line = await refusal({
      env: { DATABASE_URL: 'postgres://u:c4n4ry@no-such-host.invalid:5432/x', DATABASE_WAIT_SECONDS: '0' },
    });
    expect(line).toContain('DATABASE_URL');
    expect(line).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  test('that accepts connections and says nothing is given up on within seconds', async () => {
    const began = performance.now();
    // The taken port accepts and never answers.
    const line = await refusal({ env: { DATABASE_URL: urlWith({ port }), DATABASE_WAIT_SECONDS: '0' } });
    expect(line).toContain('DATABASE_URL');
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test('that refuses the password is reported so, without the password', async () => {
    const line = await refusal({ env: { DATABASE_URL: urlWith({ password: 'c4n4ry' }) } });
    expect(line).toContain('DATABASE_URL');
    expect(line).toContain('28P01');
    expect(line).not.toContain('c4n4ry');
  });

  test('that does not exist is reported so', async () => {
    const line = await refusal({ env: { DATABASE_URL: urlWith({ pathname: '/no_such_database' }) } });
    expect(line).toContain('DATABASE_URL');
    expect(line).toContain('3D000');
  });

  test('that is older than what is supported is reported so', async () => {
    // The same server, with another version where it tells its own.
    const sql = postgres(database.url, { max: 1 });
    const [row] = await sql`select current_setting('server_version_num') as number`.finally(() => sql.end());
    const to = new URL(database.url);
    const old = createServer((near) => {
      const far = connect(Number(to.port), to.hostname);
      near.on('error', () => far.destroy()).pipe(far);
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      far.on('data', (data) => near.write(data.toString('latin1').replace(row?.number, '140019'), 'latin1'));
    }).listen(0, '127.0.0.1');
    await once(old, 'listening');
    try {
      const line = await refusal({
        env: { DATABASE_URL: urlWith({ port: String((old.address() as { port: number }).port) }) },
      });
      expect(line).toMatch(/^Cannot start: the database of DATABASE_URL is Postgres .+; 15 or newer is needed$/);
    } finally {
      old.close();
    }
  });

  test('that takes no connections is reported so', async () => {
    const { template } = await testPostgres();
    const line = await refusal({
      env: { DATABASE_URL: urlWith({ pathname: `/${template}` }), DATABASE_WAIT_SECONDS: '0' },
    });
    expect(line).toContain('DATABASE_URL');
  });
});

describe.concurrent('a configuration', () => {
  test('with several mistakes is reported once, every mistake by its variable and without its content', async () => {
    const line = await refusal({
      env: {
        PORT: 'c4n4ry',
        DATABASE_URL: 'mysql://root:c4n4ry@localhost/x',
        LOG_LEVEL: 'c4n4ry',
        GRAPHIQL: 'c4n4ry',
        MAX_BODY_BYTES: '-1',
        CORS_ORIGINS: 'c4n4ry',
        NODE_ENV: 'c4n4ry',
      },
    });
    for (const name of [
      'PORT',
      'DATABASE_URL',
      'LOG_LEVEL',
      'GRAPHIQL',
      'MAX_BODY_BYTES',
      'CORS_ORIGINS',
      'NODE_ENV',
    ]) {
      expect(line).toContain(`${name}: expected`);
    }
    expect(line).not.toContain('c4n4ry');
  });

  test('of production with several mistakes is reported once, too, with what production lacks', async () => {
    const line = await refusal({
      env: { NODE_ENV: 'production', DATABASE_URL: 'c4n4ry', PORT: 'c4n4ry', HOST: '0.0.0.0' },
    });
    expect(line).toMatch(/^Bad configuration: /);
    for (const problem of ['DATABASE_URL: expected', 'PORT: expected', 'MASTER_KEY_FILE: required']) {
      expect(line).toContain(problem);
    }
    expect(line).not.toContain('c4n4ry');
  });

  test('whose NODE_ENV is a misspelt production is refused, instead of being taken for development', async () => {
    for (const NODE_ENV of ['prod', 'Production', 'production ', 'staging']) {
      const line = await refusal({ env: { NODE_ENV, DATABASE_URL: database.url } });
      expect(line).toBe('Bad configuration: NODE_ENV: expected one of production, development, test');
    }
  });

  test('with an origin that has a wildcard in it is refused: it would never match', async () => {
    for (const CORS_ORIGINS of ['https://*.example.com', 'https://app.example.com,https://*']) {
      expect(await refusal({ env: { CORS_ORIGINS } })).toContain('CORS_ORIGINS: expected');
    }
  });

  test('with both kinds of master key is refused, without the key', async () => {
    const keys = keyring;
    const line = await refusal({ env: { MASTER_KEYS: keys, MASTER_KEY_FILE: '/somewhere/keys.json' } });
    expect(line).toContain('MASTER_KEYS');
    expect(line).not.toContain(JSON.parse(keys).keys?.[0]?.key ?? keys);
  });

  test('with a malformed master key is refused, without the key', async () => {
    const line = await refusal({ env: { MASTER_KEYS: 'c4n4ry' } });
    expect(line).toContain('MASTER_KEYS');
    expect(line).not.toContain('c4n4ry');
  });

  test('of an issuer that cannot work is refused, naming what is missing or wrong', async () => {
    const issuer = { OIDC_ISSUER: 'https://login.example.com/', DATABASE_URL: database.url };
    const production = { NODE_ENV: 'production', MASTER_KEYS: keyring, DATABASE_URL: database.url };
    for (const [env, problem] of [
      [issuer, 'OIDC_AUDIENCE: required where OIDC_ISSUER is given'],
      [
        { OIDC_AUDIENCE: 'c4n4ry', OIDC_SCOPES_CLAIM: 'x' },
        'OIDC_ISSUER: required to use OIDC_AUDIENCE, OIDC_SCOPES_CLAIM',
      ],
      [
        { ...issuer, OIDC_AUDIENCE: 'x', OIDC_JWKS_URL: 'c4n4ry', OIDC_CLOCK_TOLERANCE_SECONDS: '301' },
        'OIDC_JWKS_URL: expected a URL such as https://login.example.com/keys',
      ],
      [
        { ...production, OIDC_ISSUER: 'http://login.example.com', OIDC_AUDIENCE: 'x' },
        'OIDC_ISSUER: expected https in production',
      ],
    ] as [Record<string, string>, string][]) {
      const line = await refusal({ env });
      expect(line).toContain(problem);
      expect(line).not.toContain('c4n4ry');
    }
  });

  test('of persisted documents that cannot work is refused, naming what is missing or too much', async () => {
    const line = await refusal({ env: { PERSISTED_DOCUMENTS_ONLY: 'true', GRAPHIQL: 'true' } });
    expect(line).toMatch(/PERSISTED_DOCUMENTS: required/);
    expect(line).toMatch(/GRAPHIQL: it cannot run anything/);
  });

  test('of persisted documents that do not fit the schema is refused, naming document and place', async () => {
    const manifest = join(folder, 'manifest.json');
    await writeFile(manifest, JSON.stringify({ viewer: '{ viewer { name } }', other: '{ viewer { nothing } }' }));
    const env = { DATABASE_URL: database.url, MASTER_KEYS: keyring, PERSISTED_DOCUMENTS: manifest };
    expect(await refusal({ env })).toMatch(/^Cannot start: PERSISTED_DOCUMENTS: other: .* \(line 1, column 12\)$/);
  });
});
