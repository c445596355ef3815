// Runs the cases against a target and gathers what differs.

import { CALLERS, OTHERS } from './cases/callers.js';
import type { Case, Surroundings } from './cases/case.js';
import { DIFFERENCES } from './cases/differences.js';
import { OPERATIONS } from './cases/operations.js';
import { RACES } from './cases/races.js';
import { RANDOM } from './cases/random.js';
import { REQUESTS } from './cases/requests.js';
import { SEQUENCES } from './cases/sequences.js';
import { keptEnvironment, TOOLS } from './cases/tools.js';
import { vectorCases } from './cases/vectors.js';
import { createHttp } from './target/http.js';
import { createSecrets } from './target/secrets.js';
import type { CaseResult, Report } from './verdict/report.js';
import { Difference, NoAnswer, type Profile, Trial } from './verdict/trial.js';

export interface KitOptions {
  url: URL;
  token: string;
  /** Without one, the kit finds or makes its own, with the calls of section 9. */
  environmentId?: string | undefined;
  profile: Profile;
  seed: number;
  effort: number;
  /** Only cases whose id begins with one of these. */
  only: readonly string[];
  /** Cases whose id begins with one of these are left out. */
  skip: readonly string[];
  strangerToken?: string | undefined;
  viewerToken?: string | undefined;
  /** Ends the run early; what was made is removed all the same. */
  signal?: AbortSignal | undefined;
}

/** The target cannot be asked at all, which says nothing about how it conforms. */
export class CannotRun extends Error {}

/** Nothing is learned from a target that is gone, and each of its answers is waited for. */
const MOST_UNANSWERED = 8;

/** Cases under way at once; random ones and races ask a lot by themselves. */
const AT_ONCE = 4;

export function allCases(): Case[] {
  return [
    ...[...OPERATIONS, ...REQUESTS, ...CALLERS, ...OTHERS, ...DIFFERENCES, ...TOOLS],
    ...vectorCases(),
    ...[...RACES, ...RANDOM, ...SEQUENCES],
  ];
}

export async function runKit(options: KitOptions): Promise<Report> {
  const started = Date.now();
  const http = createHttp(options.url, options.token);
  const begins = (id: string, prefixes: readonly string[]) => prefixes.some((prefix) => id.startsWith(prefix));
  const chosen = allCases().filter(
    ({ id }) => (options.only.length === 0 || begins(id, options.only)) && !begins(id, options.skip),
  );
  try {
    const environmentId = options.environmentId ?? (await ownEnvironment(new Trial(http, options.profile)));
    const secrets = createSecrets(http, environmentId);
    await requireAccess(new Trial(http, options.profile), environmentId);
    const { seed, effort, token: ownToken, strangerToken, viewerToken } = options;
    const surroundings: Surroundings = { secrets, seed, effort, ownToken, strangerToken, viewerToken };
    const results: CaseResult[] = [];
    let leftOver = 0;
    try {
      const queue = [...chosen];
      let unanswered = 0;
      const worker = async () => {
        for (let next = queue.shift(); next && !options.signal?.aborted; next = queue.shift()) {
          const result = await runCase(next, new Trial(http, options.profile), surroundings);
          results.push(result);
          if (result.difference instanceof NoAnswer) unanswered += 1;
          if (unanswered >= MOST_UNANSWERED) queue.length = 0;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      if (unanswered >= MOST_UNANSWERED) throw new CannotRun('the target has stopped answering');
    } finally {
      leftOver = await secrets.cleanUp().catch(() => Number.NaN);
    }
    if (options.signal?.aborted) throw new CannotRun(`interrupted; ${leftOver} secrets left over`);
    if (Number.isNaN(leftOver)) throw new CannotRun('the target has stopped answering; secrets of the kit may be left');
    const order = new Map(chosen.map(({ id }, index) => [id, index]));
    results.sort((one, other) => (order.get(one.id) as number) - (order.get(other.id) as number));
    const { url, profile } = options;
    const seconds = (Date.now() - started) / 1000;
    return {
      target: url.href,
      environmentId,
      profile,
      seed,
      effort,
      results,
      requests: http.requests(),
      seconds,
      leftOver,
    };
  } finally {
    http.close();
  }
}

async function runCase(one: Case, t: Trial, surroundings: Surroundings): Promise<CaseResult> {
  const { id, section, title } = one;
  if (one.needs && surroundings[one.needs] === undefined)
    return { id, section, title, outcome: 'skipped', declared: [] };
  try {
    await one.run(t, surroundings);
    const declared = [...t.declared.values()];
    return { id, section, title, outcome: declared.length === 0 ? 'conforms' : 'declared', declared };
  } catch (error) {
    const declared = [...t.declared.values()];
    // An answer of another shape may trip the case up anywhere.
    const difference =
      error instanceof Difference ? error : new Difference('answers with which the case can go on', String(error));
    return { id, section, title, outcome: 'differs', declared, difference };
  } finally {
    await surroundings.secrets.release(t).catch(() => undefined);
  }
}

async function ownEnvironment(t: Trial): Promise<string> {
  try {
    return (await keptEnvironment(t)).environmentId;
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    throw new CannotRun(
      `no environment of its own could be found or made; give one with --environment (${error.message})`,
    );
  }
}

async function requireAccess(t: Trial, environmentId: string): Promise<void> {
  const path = `/v1/envs/${environmentId}/agent-secrets`;
  try {
    const { status } = await t.send({ method: 'GET', path });
    if (status !== 200)
      throw new CannotRun(`the environment ${environmentId} cannot be listed with this token: status ${status}`);
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    // An answer, even a wrong one, is something to report on.
    if (error.answer === undefined) throw new CannotRun(`the target does not answer: ${error.got}`);
  }
}
