// Operator command: verifies the logs of environments, compares the current secrets with them, and exports the heads of
// the logs.
import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/config.js';
import { LogFinding } from '../domain/log/log-finding.js';
import { type LogHead, parseLogHeads, printLogHeads } from '../domain/log/log-head.js';
import { type VerifiedLog, verifyLog } from '../domain/log/log-verification.js';
import type { LoneSurrogates } from '../domain/log/lone-surrogates.js';
import { createLogger } from '../logging/logger.js';
import { openExistingKeyProvider } from '../start/master-keys.js';
import { openExistingDatabase } from '../start/services.js';
import { explainFailure } from '../start/start-failure.js';
import { findEnvironmentIds, inSnapshot } from '../store/log/log-verification.js';
import { environmentIdFrom } from './environment-id.js';

const USAGE = `Usage: npm run verify-log -- [--environment ID] [--no-keys] [--heads FILE] [--export-heads FILE]

Verifies that the log of every environment (or of the one) is as it was written, that its current secrets are what the
log says, and that its facts (name, application, owner, deletion, oldest data key) are those that the service wrote.
Prints a line for each: ok, or the first bad row, and one for every further value that does not open. Changes nothing, and
may run while the service does (on the embedded database: while it is stopped).

  --no-keys            do not open values. Without master keys in the configuration none are opened either. With keys
                       every stored value, old ones too, must open and be the one the log has a digest of, and the
                       facts must be those that are sealed.
  --export-heads FILE  writes where the logs are now (0600), if everything was found in order.
  --heads FILE         checks that the logs still lead through the heads that were exported. Only this finds a chain
                       that was computed anew, a log cut short together with its secrets, and a restored old copy,
                       also of facts with their seal.

Also names, each on a line of its own, the types and (with keys) the values that strict clients cannot read, because they
have lone surrogates: earlier versions took them in. They are no finding. Set another value, or delete the secret.

Keep the file of heads off the database's machine, where nobody who can write to the database can write to it; export a
new one after each verification. What was written after the last export is only as safe as the chain.

Exit code: 0 everything is in order, 1 something is not, 2 it could not be verified.
`;

const PAGE_SIZE = 100;

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      environment: { type: 'string' },
      'no-keys': { type: 'boolean', default: false },
      heads: { type: 'string' },
      'export-heads': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const refusal = new Error('--environment: expected the id of an environment');
  const only = environmentIdFrom(options.environment, refusal);
  const heads = options.heads === undefined ? new Map<string, LogHead>() : await readHeads(options.heads);
  const config = loadConfig(undefined, { needsMasterKeys: false });
  const log = createLogger('error');
  const db = await openExistingDatabase(config, log);
  try {
    const keyProvider = options['no-keys'] ? undefined : await openExistingKeyProvider(config, log);
    const verified: VerifiedLog[] = [];
    let findings = 0;
    for await (const environmentId of only === undefined ? environmentIds(heads) : [only]) {
      const head = heads.get(environmentId);
      let unreadable = 0;
      const onLoneSurrogates = (found: LoneSurrogates) => {
        unreadable += 1;
        process.stdout.write(`environment ${environmentId}: ${describeLoneSurrogates(found)}\n`);
      };
      const onUnopened = (found: LogFinding) => {
        process.stdout.write(`environment ${environmentId}: ${describeFinding(found)}\n`);
      };
      const result = await inSnapshot(db, (session) =>
        verifyLog(session, environmentId, { keyProvider, head, onLoneSurrogates, onUnopened }),
      );
      if (!result) throw new Error(`there is no environment ${environmentId}`);
      process.stdout.write(`environment ${environmentId}: ${describe(result, head, unreadable)}\n`);
      if (result instanceof LogFinding) findings += 1;
      else verified.push(result);
    }
    if (findings > 0) return 1;
    if (options['export-heads'] !== undefined) {
      await replaceFile(options['export-heads'], printLogHeads(verified, new Date()));
    }
    return 0;
  } finally {
    await db.close();
  }

  /** All environments of the database, followed by those that only the exported heads name. */
  async function* environmentIds(known: ReadonlyMap<string, LogHead>): AsyncGenerator<string> {
    const unseen = new Set(known.keys());
    for (let after: string | null = null; ; ) {
      const page = await findEnvironmentIds(db, { after, limit: PAGE_SIZE });
      for (const id of page) {
        unseen.delete(id);
        yield id;
      }
      after = page.at(-1) ?? null;
      if (page.length < PAGE_SIZE) break;
    }
    yield* unseen;
  }
}

function describeLoneSurrogates({ part, agentSecretId, path, environmentRevision, isCurrent }: LoneSurrogates): string {
  const when = isCurrent ? '' : ', no longer current,';
  return `revision ${environmentRevision}: the ${part} of secret ${agentSecretId} (${path})${when} has lone surrogates, which strict clients cannot read`;
}

function describeFinding({ environmentRevision: revision, message }: LogFinding): string {
  return revision === null ? message : `revision ${revision}: ${message}`;
}

function describe(result: VerifiedLog | LogFinding, head: LogHead | undefined, unreadable: number): string {
  if (result instanceof LogFinding) return describeFinding(result);
  const { revision, secretCount, openedValues, hash, facts } = result;
  return [
    `ok, revision ${revision}`,
    `${secretCount} secrets`,
    openedValues === undefined ? 'values not opened (no keys)' : `${openedValues} values opened`,
    ...(unreadable > 0 ? [`${unreadable} types and values with lone surrogates`] : []),
    ...(facts.isSealed ? [] : ['facts not sealed (npm run rotate -- facts seals them)']),
    ...(head ? [`through the exported head of revision ${head.revision}`] : []),
    `head ${Buffer.from(hash).toString('hex')}`,
  ].join(', ');
}

async function readHeads(file: string): Promise<Map<string, LogHead>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`--heads: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return parseLogHeads(text);
  } catch (error) {
    throw new Error(`--heads: ${file} is no file of heads: ${(error as Error).message}`);
  }
}

/**
 * Writes under a temporary name first, so that nobody reads a partial file and a failure leaves the old one unchanged.
 */
async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw new Error(`--export-heads: ${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${explainFailure(error, 'Cannot verify')}\n`);
    process.exit(2);
  },
);
