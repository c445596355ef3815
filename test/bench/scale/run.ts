// This is `npm run bench:scale`: it compares what the same requests cost in a small and in a large database. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { loadKeyFile } from '../../../src/crypto/key-file.js';
import { localKeyProvider } from '../../../src/crypto/local-keyring.js';
import { runLoad } from '../load/load.js';
import { cpuOf, cpuOfPostgres } from '../servers/usage.js';
import { findPlace } from './place.js';
import { addNeighbours, describeScan, findScans } from './plans.js';
import { type ScaleResult, type ScaleRound, scaleMarkdown, verdictOf } from './report.js';
import { type ScaleStage, type Side, setScaleStage } from './stage.js';
import { statementsOf } from './statements.js';
import { type ScaleTarget, TARGETS } from './targets.js';

const RESULTS = fileURLToPath(new URL('../../../../results/', import.meta.url));

const HELP = `Usage: npm run bench:scale -- [options]

  --secrets n      current secrets in the large database  (2000000)
  --small n        and in the small one                   (10000)
  --small-url u    databases that bench:seed has filled already,
  --large-url u    under the master keys in MASTER_KEY_FILE
  --shared-buffers s
                   of the Postgres that is started         (a quarter of the memory)
  --rounds n       measured rounds of every operation      (7)
  --seconds n      length of a round                       (3)
  --connections n  concurrent connections                  (8)
  --only text      operations whose name contains the text
`;

const MOST_SECRETS = 100_000_000;

/** Read records are written within half a second, and they count as part of the requests that have opened the values. */
const AFTERWARDS_MS = 700;

interface Settings {
  rounds: number;
  seconds: number;
  connections: number;
  only: string;
}

async function measure({ server, terrain }: Side, target: ScaleTarget, stage: ScaleStage, settings: Settings) {
  const script = target.script(server.url, terrain, settings.connections);
  const usage = async () => Promise.all([cpuOf(server.pid), cpuOfPostgres(stage.postgres.postmaster)] as const);
  const before = await usage();
  const load = await runLoad(server.url, settings.connections, settings.seconds, script);
  await sleep(AFTERWARDS_MS);
  const after = await usage();
  const perRequest = (index: 0 | 1) => {
    const [from, to] = [before[index], after[index]];
    return from === null || to === null ? null : (to - from) / load.requests;
  };
  const at = (share: number) => load.latencies[Math.floor((load.latencies.length - 1) * share)] ?? Number.NaN;
  const round: ScaleRound = {
    requestsPerSecond: load.requests / load.seconds,
    p50: at(0.5),
    p99: at(0.99),
    serviceMicros: perRequest(0),
    postgresMicros: perRequest(1),
    errors: load.errors,
  };
  if (load.firstError !== undefined) process.stderr.write(`\n${target.name}: ${load.firstError}\n`);
  return round;
}

async function bench(stage: ScaleStage, settings: Settings): Promise<ScaleResult[]> {
  const targets = TARGETS.filter(({ name }) => name.includes(settings.only));
  const results = targets.map(({ name }): ScaleResult => ({ operation: name, small: [], large: [] }));
  // All rounds of an operation run directly after one another, as under a lasting load: a service that was idle for a minute
  // reads the keys of each environment again, and the large database has many more of them. Round 0 is the warm-up.
  for (const [index, target] of targets.entries()) {
    for (let round = 0; round <= settings.rounds; round++) {
      say(round === 0 ? `${target.name}: warm-up` : `${target.name}: round ${round} of ${settings.rounds}`);
      // The order of the two databases changes in every other round.
      for (const side of round % 2 === 0 ? [stage.small, stage.large] : [stage.large, stage.small]) {
        const figures = await measure(side, target, stage, settings);
        if (round > 0) results[index]?.[side.name].push(figures);
      }
    }
  }
  return results;
}

/** Returns one line for each table or index that the service's statements would read completely. */
async function scansIn({ databaseUrl }: Side, keyFile: string): Promise<string[]> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`analyze`;
    const { keyring } = await loadKeyFile(keyFile);
    const sent = await statementsOf(databaseUrl, localKeyProvider(keyring), await findPlace(sql));
    const seen: string[] = [];
    await sql`begin`.simple();
    try {
      const tx = sql as unknown as postgres.TransactionSql;
      await addNeighbours(tx);
      seen.push(...(await findScans(tx, sent)).map(describeScan));
    } finally {
      await sql`rollback`.simple();
    }
    process.stdout.write(
      `${new Set(sent.map(({ text }) => text)).size} statements in the large database, ${seen.length} scans\n`,
    );
    return seen;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function say(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text.replaceAll('_', ''));
  if (!(Number.isInteger(value) && value >= 1 && value <= max)) {
    throw new Error(`--${name}: expected a whole number from 1 to ${max}`);
  }
  return value;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      secrets: { type: 'string', default: '2000000' },
      small: { type: 'string', default: '10000' },
      'small-url': { type: 'string' },
      'large-url': { type: 'string' },
      'shared-buffers': { type: 'string', default: `${Math.floor(totalmem() / 4 / 2 ** 20)}MB` },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '8' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const settings = {
    rounds: wholeNumber('rounds', values.rounds, 1_000),
    seconds: wholeNumber('seconds', values.seconds, 3_600),
    connections: wholeNumber('connections', values.connections, 64),
    only: values.only,
  };
  const setting = setScaleStage({
    small: values['small-url'] ?? wholeNumber('small', values.small, MOST_SECRETS),
    large: values['large-url'] ?? wholeNumber('secrets', values.secrets, MOST_SECRETS),
    keyFile: process.env.MASTER_KEY_FILE,
    sharedBuffers: values['shared-buffers'],
    say,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      setting
        .then((stage) => stage.close())
        .catch(() => undefined)
        .finally(() => process.exit(1));
    });
  }
  const stage = await setting;
  try {
    const results = await bench(stage, settings);
    const { describe } = stage.postgres;
    const sizes = [stage.small, stage.large].map(({ name, size }) => `${name} ${size}`).join(', ');
    say('');
    process.stdout.write(`PostgreSQL: ${describe}; ${sizes}; ${settings.connections} connections\n\n`);
    process.stdout.write(`${scaleMarkdown(results)}\n\n`);
    // The small database is not checked, because reading a tenth of a small table may be slower than reading all of it.
    const scans = await scansIn(stage.large, stage.keyFile);
    for (const scan of scans) process.stdout.write(`${scan}\n`);
    await mkdir(RESULTS, { recursive: true });
    const report = { date: new Date().toISOString(), settings, postgres: describe, sizes, results, scans };
    await writeFile(`${RESULTS}scale.json`, `${JSON.stringify(report, null, 2)}\n`);
    const hasErrors = results.some(({ small, large }) => [...small, ...large].some(({ errors }) => errors > 0));
    if (hasErrors) process.stderr.write('There were errors: the figures say nothing.\n');
    return hasErrors || scans.length > 0 || !results.every((result) => verdictOf(result).isKept) ? 1 : 0;
  } finally {
    await stage.close();
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
