// The command: reads its options, runs the cases, prints what differs, and ends with a code that says whether anything did.
import { parseArgs } from 'node:util';
import { allCases, CannotRun, type KitOptions, runKit } from './kit.js';
import { exitCodeOf, printJson, printText } from './verdict/report.js';

const USAGE = `Usage: npm run conformance -- --url URL --token TOKEN [options]

Asks an implementation of the /v1 API what the contract says, and reports what differs. It makes secrets of its own, removes
them at the end, and changes nothing that it has not made.

  --url URL             where the service is, such as http://127.0.0.1:8080
  --token TOKEN         a token that may list, create, read, update and delete in the environment; or CONFORMANCE_TOKEN
  --environment ID      where to work. Without it, in the environment "conformance" of the application "conformance" of
                        the token's account: found, or made and kept, with the calls of Golem's own tools
                        (the cases of these calls, tools/, make it, too)
  --profile NAME        contract (the default), or golem-1.5.9: what the original answers where the contract departs from it
  --strict              also fail where something differs as declared
  --stranger-token T    a token of an account without a share of the environment, for the cases of visibility
  --viewer-token T      a token of an account that has the environment shared as viewer
  --seed N              of everything random; a run prints its own
  --effort N            how many times each random case tries (40)
  --only PREFIX         only cases whose id begins so; may be repeated
  --skip PREFIX         not those; may be repeated
  --list                print the cases and end
  --json                print the report as JSON

Exit code: 0 nothing differs, or only as declared; 1 something differs; 2 it could not run.
`;

class UsageError extends Error {}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      token: { type: 'string', default: process.env.CONFORMANCE_TOKEN ?? '' },
      environment: { type: 'string' },
      profile: { type: 'string', default: 'contract' },
      strict: { type: 'boolean', default: false },
      'stranger-token': { type: 'string' },
      'viewer-token': { type: 'string' },
      seed: { type: 'string' },
      effort: { type: 'string', default: '40' },
      only: { type: 'string', multiple: true, default: [] },
      skip: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.list) {
    process.stdout.write(
      allCases()
        .map(({ id, section, title }) => `${id} (${section}): ${title}\n`)
        .join(''),
    );
    return 0;
  }
  const { profile } = values;
  if (profile !== 'contract' && profile !== 'golem-1.5.9')
    throw new UsageError('--profile: expected contract or golem-1.5.9');
  if (values.token === '') throw new UsageError('--token: expected a token');
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  const options: KitOptions = {
    signal: interrupted.signal,
    url: urlOf(values.url),
    token: values.token,
    environmentId: values.environment === undefined ? undefined : idOf(values.environment),
    profile,
    seed: values.seed === undefined ? Date.now() % 2 ** 31 : numberOf('--seed', values.seed),
    effort: numberOf('--effort', values.effort),
    only: values.only,
    skip: values.skip,
    strangerToken: values['stranger-token'],
    viewerToken: values['viewer-token'],
  };
  const report = await runKit(options);
  process.stdout.write(values.json ? printJson(report) : printText(report));
  return exitCodeOf(report, values);
}

function urlOf(text: string | undefined): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError('--url: expected an address that begins with http:// or https://');
  return url;
}

function idOf(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new UsageError('--environment: expected a UUID');
  return text.toLowerCase();
}

function numberOf(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${option}: expected a whole number`);
  return Number(text);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const isKnown =
      error instanceof UsageError ||
      error instanceof CannotRun ||
      (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`Cannot run: ${isKnown ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
    process.exitCode = 2;
  },
);
