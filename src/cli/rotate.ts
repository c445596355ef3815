// Operator command: rotates master keys and data keys while the service is running, and removes keys that are no longer
// used.
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/config.js';
import { retireDataKeys, rotateDataKeys } from '../domain/keys/data-key.js';
import { sealAllFacts, sealFactsOf } from '../domain/keys/facts-sealing.js';
import { countForeignFormats, listDataKeyUsage, listMasterKeyUsage } from '../domain/keys/key-usage.js';
import { rotateMasterKey } from '../domain/keys/master-key.js';
import type { Services } from '../domain/request/services.js';
import { createLogger } from '../logging/logger.js';
import { openServices } from '../start/services.js';
import { environmentIdFrom } from './environment-id.js';
import { exitCodeOf, messageOf, UsageError } from './run-command.js';

const USAGE = `Usage: npm run rotate -- master-key [--to ID]
         wraps every environment's keys anew under the current master key (which must be ID)
       npm run rotate -- data-keys --all [--made-before TIME]
       npm run rotate -- data-keys --environment ID
         gives environments a new data key and seals their values anew, oldest first, as SEAL_ALGORITHM says
       npm run rotate -- retire
         removes data keys that nothing uses, and names master keys that nothing uses
       npm run rotate -- facts [--environment ID]
         seals the facts (name, application, owner, deletion, oldest data key) of environments that have no seal yet;
         of the named one even if its seal is wrong: look first whether they are right
       npm run rotate -- status
         shows how much each key is used

All of it may run while instances serve, and be interrupted at any point: the same command takes it up again. A rotation
of all that was interrupted gives no environment a second new key when it is told when it began: --made-before TIME.
`;

/** Minimum time between two progress reports. */
const REPORT_EVERY_MS = 1_000;

interface Options {
  to?: string | undefined;
  all?: boolean | undefined;
  environment?: string | undefined;
  'made-before'?: string | undefined;
}
/** Resolves with the exit code. */
type Command = (services: Services, options: Options, signal: AbortSignal) => Promise<number>;

const COMMANDS: Record<string, { options: readonly (keyof Options)[]; run: Command }> = {
  'master-key': { options: ['to'], run: masterKey },
  'data-keys': { options: ['all', 'environment', 'made-before'], run: dataKeys },
  retire: { options: [], run: retire },
  facts: { options: ['environment'], run: facts },
  status: { options: [], run: status },
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      to: { type: 'string' },
      all: { type: 'boolean' },
      environment: { type: 'string' },
      'made-before': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  const { help, ...options } = values;
  const command = COMMANDS[positionals[0] ?? ''];
  const isComplete =
    command &&
    positionals.length === 1 &&
    Object.keys(options).every((key) => command.options.includes(key as keyof Options));
  const needsScope =
    positionals[0] === 'data-keys' && (options.all === undefined) === (options.environment === undefined);
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!isComplete || needsScope) throw new UsageError('Expected one of the commands below, with its own options only');
  // Refused before anything is opened.
  timeFrom(options['made-before']);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error('interrupted')));
  const config = loadConfig();
  const services = await openServices(config, createLogger('error'));
  try {
    const { sealAlgorithm } = services.keys;
    if (sealAlgorithm !== config.sealAlgorithm) {
      process.stderr.write(`sodium-native does not load here: values are sealed with ${sealAlgorithm}\n`);
    }
    return await command.run(services, options, stop.signal);
  } finally {
    await services.db.close();
  }
}

async function masterKey(services: Services, { to }: Options, signal: AbortSignal): Promise<number> {
  const progress = throttled((done: number, total: number) => say(`${done} of ${total} keys`));
  const { masterKeyId, rewrapped, failures } = await rotateMasterKey(services, { to, signal, onProgress: progress });
  say(`Master key ${masterKeyId}: ${rewrapped} keys wrapped anew`);
  return reportFailures('stay under another master key', failures);
}

async function facts(services: Services, { environment }: Options, signal: AbortSignal): Promise<number> {
  if (environment !== undefined) {
    const id = environmentIdFrom(environment, noSuchEnvironment());
    if (!(await sealFactsOf(services, id))) throw noSuchEnvironment();
    say(`Environment ${id}: facts sealed`);
    return 0;
  }
  const { sealed, failures } = await sealAllFacts(services, signal);
  say(`${sealed} environments: facts sealed`);
  return reportFailures('stay without a seal', failures);
}

async function dataKeys(services: Services, options: Options, signal: AbortSignal): Promise<number> {
  const environmentId = environmentIdFrom(options.environment, noSuchEnvironment());
  const madeBefore = timeFrom(options['made-before']);
  const began = new Date().toISOString();
  if (options.all && !madeBefore)
    say(`Begun; to take it up again: npm run rotate -- data-keys --all --made-before ${began}`);
  const onProgress = throttled((at: { environmentId: string; version: number; done: number; total: number }) =>
    say(`Environment ${at.environmentId}: ${at.done} of ${at.total} values under data key version ${at.version}`),
  );
  const { environments, newKeys, resealed, left, failures } = await rotateDataKeys(services, {
    environmentId,
    madeBefore,
    signal,
    onProgress,
  });
  if (environmentId !== undefined && environments === 0) throw noSuchEnvironment();
  say(`${environments} environments: ${newKeys} new data keys, ${resealed} values sealed anew`);
  if (left > failures.length) say(`${left - failures.length} values were being written: run it again`);
  return reportFailures('stay as they are, because they do not open', failures);
}

async function retire(services: Services): Promise<number> {
  const removed = await retireDataKeys(services, {
    onWait: (keys, ms) => say(`${keys} data keys are unused; waiting ${ms / 1_000} s for reads under way`),
  });
  for (const { environmentId, version } of removed)
    say(`Environment ${environmentId}: data key version ${version} removed`);
  if (removed.length === 0) say('No data key is unused');
  for (const { id, isCurrent, dataKeys, digestKeys } of await listMasterKeyUsage(services)) {
    if (!isCurrent && dataKeys + digestKeys === 0)
      say(`Master key ${id} wraps nothing: it may be taken out of the key file`);
  }
  return 0;
}

async function status(services: Services): Promise<number> {
  for (const { id, isCurrent, dataKeys, digestKeys } of await listMasterKeyUsage(services)) {
    say(`Master key ${id}${isCurrent ? ' (current)' : ''}: ${dataKeys} data keys, ${digestKeys} digest keys`);
  }
  const { usage, withOneKey } = await listDataKeyUsage(services);
  for (const { environmentId, versions } of usage) {
    const newest = versions.at(-1);
    const parts = versions.map(
      (key) => `version ${key.version}${key === newest ? ' (current)' : ''} ${key.values} values`,
    );
    say(`Environment ${environmentId}: ${parts.join(', ')}`);
  }
  say(`${withOneKey} ${usage.length > 0 ? 'other environments' : 'environments'}: one data key each`);
  const others = await countForeignFormats(services);
  if (others > 0) say(`${others} values are in another format than new ones: data-keys seals them anew`);
  return 0;
}

function reportFailures(what: string, failures: readonly string[]): number {
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  if (failures.length > 0) process.stderr.write(`${failures.length} ${what}\n`);
  return failures.length > 0 ? 1 : 0;
}

function noSuchEnvironment(): Error {
  return new Error('there is no such environment');
}

function timeFrom(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw new UsageError('--made-before: expected a time such as 2026-01-31T12:00:00Z');
  return at;
}

/** Passes on the first report at once, and later ones no more often than a reader can follow. */
function throttled<A extends unknown[]>(report: (...args: A) => void): (...args: A) => void {
  let next = 0;
  return (...args) => {
    if (performance.now() < next) return;
    next = performance.now() + REPORT_EVERY_MS;
    report(...args);
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(messageOf(error, { usage: USAGE, purpose: 'rotate' }));
    process.exit(exitCodeOf(error));
  },
);
