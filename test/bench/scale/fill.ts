// This is `npm run bench:seed`: it fills the database that the service's configuration names. See README.md.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../../src/config/config.js';
import { createLogger } from '../../../src/logging/logger.js';
import { openServices } from '../../../src/start/services.js';
import { explainFailure } from '../../../src/start/start-failure.js';
import { createProgress } from './progress.js';
import { createOwners, type FilledEnvironment, type Share, settle } from './seed.js';

const HELP = `Usage: npm run bench:seed -- --secrets N [--database-url URL]

Fills an empty database with N secrets that the service can read, write and verify, up to 1,000 to an environment. The
configuration is the service's: DATABASE_URL unless --database-url is given, MASTER_KEY_FILE or DATA_DIR. Prints a token
for each of the few accounts that own them.
`;

const MOST = 100_000_000;
const MOST_PROCESSES = 8;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { secrets: { type: 'string' }, 'database-url': { type: 'string' }, help: { type: 'boolean' } },
  });
  const secrets = Number(values.secrets?.replaceAll('_', ''));
  if (values.help || !(Number.isInteger(secrets) && secrets >= 1 && secrets <= MOST)) {
    process.stdout.write(HELP);
    return values.help ? 0 : 1;
  }
  const config = loadConfig({ ...process.env, DATABASE_URL: values['database-url'] ?? process.env.DATABASE_URL });
  const { databaseUrl } = config;
  if (databaseUrl === undefined) throw new Error('--database-url or DATABASE_URL: required');
  await linkMigrations();
  const services = await openServices(config, createLogger('error'));
  try {
    const owners = await createOwners(services);
    const progress = createProgress('secrets', secrets);
    const filled = { environments: 0, secrets: 0, logRows: 0 };
    await fillTogether({ databaseUrl, owners, secrets }, (environment) => {
      filled.environments += 1;
      filled.secrets += environment.secrets;
      filled.logRows += environment.logRows;
      progress.at(filled.secrets);
    });
    await settle(databaseUrl);
    progress.end(
      `${filled.environments.toLocaleString('en')} environments, ${filled.logRows.toLocaleString('en')} log rows`,
    );
    for (const { name, token } of owners) process.stdout.write(`${name} ${token}\n`);
    return 0;
  } finally {
    await services.db.close();
  }
}

/** The compiled sources look for the SQL migrations next to themselves. */
async function linkMigrations(): Promise<void> {
  const root = new URL('../../../../../../', import.meta.url);
  const link = fileURLToPath(new URL('test/bench/dist/drizzle', root));
  await symlink(fileURLToPath(new URL('drizzle', root)), link, 'junction').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Sealing is most of the work, so every core gets a process. */
async function fillTogether(
  share: Omit<Share, 'index' | 'shares'>,
  onFilled: (environment: FilledEnvironment) => void,
): Promise<void> {
  const shares = Math.min(availableParallelism(), MOST_PROCESSES);
  const children = Array.from({ length: shares }, (_, index) => {
    const child = fork(fileURLToPath(new URL('./fill-share.js', import.meta.url)), {
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    child.on('message', (message) => onFilled(message as FilledEnvironment));
    child.send({ ...share, index, shares } satisfies Share);
    return child;
  });
  try {
    await Promise.all(
      children.map(async (child) => {
        const [code, signal] = await once(child, 'exit');
        if (code !== 0) throw new Error(`a process that seals secrets has ended (${code ?? signal}): begin anew`);
      }),
    );
  } finally {
    for (const child of children) child.kill();
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${explainFailure(error, 'Cannot fill the database')}\n`);
    process.exitCode = 1;
  },
);
