// Executes a case by graphql-js and as a planned document, and tells how the answers differ.
import { type ExecutionResult, execute } from 'graphql';
import { executePlanned } from '../../src/graphql/execution/execute.js';
import { printJson } from '../../src/json/print.js';
import { type Case, caseOf } from './documents.js';
import { randomFrom } from './random.js';
import { type WorldContext, world } from './world.js';

export interface Outcome {
  executed: number;
  planned: number;
  failing: number;
  difference: string | undefined;
}

/**
 * graphql-js lets go of the promises of a list when one of its items throws, and a rejection that nobody takes ends the
 * process. Here none does, until what this returns is called.
 */
export function takingRejections(): () => void {
  const before = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', () => {});
  return () => {
    process.removeAllListeners('unhandledRejection');
    for (const listener of before) process.on('unhandledRejection', listener);
  };
}

/** Runs all the executions of the case that this seed makes. */
export async function differenceOf(seed: number): Promise<Outcome> {
  const outcome: Outcome = { executed: 0, planned: 0, failing: 0, difference: undefined };
  const found = caseOf(seed);
  if (!found) return outcome;
  const random = randomFrom(seed ^ 0x5bd1e995);
  for (const variables of found.variables) {
    const contextValue: WorldContext = {
      seed: random.below(2 ** 31),
      trouble: random.pick([0, 2, 8, 25]),
      waiting: random.pick([0, 0, 5, 40, 70]),
    };
    const args = { schema: world, document: found.document, variableValues: variables, contextValue };
    const expected = text(await execute({ ...args, options: { maxCoercionErrors: 0 } }));
    const planned = executePlanned({ ...args, options: { maxCoercionErrors: 0 } });
    outcome.executed += 1;
    if (!planned) continue;
    outcome.planned += 1;
    if (expected.startsWith('{"errors"')) outcome.failing += 1;
    const actual = text((await planned) as ExecutionResult);
    if (actual === expected) continue;
    outcome.difference = described(seed, found, variables, contextValue, expected, actual);
    break;
  }
  return outcome;
}

function text(result: ExecutionResult): string {
  return printJson(result);
}

function described(
  seed: number,
  { text: document }: Case,
  variables: Record<string, unknown>,
  context: WorldContext,
  expected: string,
  actual: string,
): string {
  const given = JSON.stringify({ variables, context });
  return `seed ${seed}, ${given}\n${document}\nby graphql-js: ${expected}\nas planned:    ${actual}`;
}
