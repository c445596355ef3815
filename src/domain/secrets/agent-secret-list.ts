// Lists all secrets of an environment at once, with or without their values. The plan limits the length of the list.
import { AppError } from '../../errors/errors.js';
import { limitExceeded } from '../../errors/refusals.js';
import {
  type AgentSecretOutlineRow,
  type AgentSecretPortionRow,
  findAllAgentSecretOutlines,
  findAllAgentSecrets,
  findTypesAndValues,
} from '../../store/secrets/agent-secret-list.js';
import { MAX_INLINE_BYTES } from '../../store/secrets/inline-values.js';
import { authorize } from '../access/permissions.js';
import { openSealedValues, type SealedRow } from '../keys/opened-value.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { readCounted, spendItems } from '../request/item-budget.js';
import type { Environment } from '../tenancy/environment.js';
import { MAX_PATH_BYTES } from '../types/secret-path.js';
import { type AgentSecret, bytesOf, stateOf, within } from './agent-secret.js';

/** Maximum size of all types and encrypted values of one list. */
const MAX_LISTED_BYTES = 256 * 1024 * 1024;
/** Types and values that one portion of a large list reads, unless a single secret has more. */
const PORTION_BYTES = 512 * 1024;
/** What a list under way holds in memory: rows, texts and printed text of a portion. */
const PORTION_HOLDS = 4 * PORTION_BYTES;

/**
 * All secrets of the environment in the order of their paths. The plan limits the number of secrets per environment.
 */
export async function listAllAgentSecrets(ctx: Context, environment: Environment): Promise<AgentSecret[]> {
  authorize(ctx, environment, 'ViewAgentSecret');
  spendItems(ctx, Math.max(1, environment.secretCount));
  const { pathPrefixes } = actorOf(ctx).grant;
  const rows = await readCounted(
    ctx,
    { rows: environment.secretCount, rowBytes: MAX_PATH_BYTES, sharedBytes: MAX_INLINE_BYTES },
    () => findAllAgentSecrets(ctx.services.db, stateOf(environment), pathPrefixes),
    bytesOf,
  );
  return environment.at === undefined ? rows : rows.map((row) => within(environment, row));
}

/** A listed secret with only the fields that this list needs. */
export interface OpenedAgentSecret {
  id: string;
  path: string;
  secretType: string;
  revision: bigint;
  /** The value's canonical JSON text; null without a value. */
  value: string | null;
}

/** All secrets with their values, of one state of the environment. */
export interface OpenedAgentSecrets {
  /** The first of them: all, unless they are large. */
  first: OpenedAgentSecret[];
  /** The others in portions, each read and opened when it is asked for; undefined when there are none. */
  rest: AsyncIterable<OpenedAgentSecret[]> | undefined;
  /** Bytes of all types and encrypted values. */
  bytes: number;
}

/**
 * All secrets with their values, decrypted in time slices. Fails with the same errors as opening the values one by one.
 * One statement tells what there is. What is too large to be read with it is read afterwards in portions, from the log:
 * that keeps the types and values of this very state, and no connection is held in between.
 */
export async function listOpenedAgentSecrets(ctx: Context, environment: Environment): Promise<OpenedAgentSecrets> {
  authorize(ctx, environment, 'ViewAgentSecret');
  spendItems(ctx, Math.max(1, environment.secretCount));
  const { pathPrefixes } = actorOf(ctx).grant;
  const rows = await readCounted(
    ctx,
    { rows: environment.secretCount, rowBytes: MAX_PATH_BYTES, sharedBytes: 2 * MAX_INLINE_BYTES },
    () => findAllAgentSecretOutlines(ctx.services.db, stateOf(environment), pathPrefixes),
    bytesOf,
  );
  let bytes = 0;
  for (const row of rows) bytes += row.bytes;
  if (bytes > MAX_LISTED_BYTES) {
    throw limitExceeded('The environment is too large for one list; read it in pages (GraphQL: agentSecrets)');
  }
  const firstLeftOut = rows.findIndex(({ secretType }) => secretType === null);
  if (firstLeftOut === -1) return { first: await openRows(ctx, environment.id, rows), rest: undefined, bytes };
  // For all portions at once: an operation that holds a part and waits for more would keep the others waiting.
  const wait = ctx.operation?.take(PORTION_HOLDS);
  if (wait) await wait;
  const first = await openRows(ctx, environment.id, rows.slice(0, firstLeftOut));
  return { first, rest: openInPortions(ctx, environment.id, rows.slice(firstLeftOut)), bytes };
}

async function openRows(
  ctx: Context,
  environmentId: string,
  rows: readonly (AgentSecretOutlineRow | AgentSecretPortionRow)[],
): Promise<OpenedAgentSecret[]> {
  // Each row has its type: those without are read in portions.
  const values = await openSealedValues(ctx, environmentId, rows as readonly SealedRow[]);
  return rows.map(({ id, path, secretType, revision }, index) => ({
    id,
    path,
    secretType: secretType as string,
    revision,
    value: values[index] as string | null,
  }));
}

async function* openInPortions(
  ctx: Context,
  environmentId: string,
  rows: readonly AgentSecretOutlineRow[],
): AsyncGenerator<OpenedAgentSecret[]> {
  for (let start = 0; start < rows.length; ) {
    const portion = nextPortion(rows, start);
    start += portion.length;
    const read = await findTypesAndValues(ctx.services.db, portion);
    yield await openRows(ctx, environmentId, read).catch((error: unknown) => {
      logUnreadable(ctx, error);
      throw error;
    });
  }
}

/** The answer has begun: its end is all that the client will see, and nobody else logs why. */
function logUnreadable({ services, requestId }: Context, error: unknown): void {
  if (!(error instanceof AppError) || error.code !== 'AGENT_SECRET_VALUE_UNREADABLE') return;
  const { agentSecretIds } = error.details;
  services.log.error({ err: error.cause, agentSecretIds, requestId }, 'values do not open; the list was cut off');
}

/** Rows from `start` on that have so many bytes together, and one row at least. */
function nextPortion(rows: readonly AgentSecretOutlineRow[], start: number): AgentSecretOutlineRow[] {
  let end = start;
  for (
    let bytes = 0;
    end < rows.length && (end === start || bytes + (rows[end]?.bytes ?? 0) <= PORTION_BYTES);
    end += 1
  ) {
    bytes += rows[end]?.bytes ?? 0;
  }
  return rows.slice(start, end);
}
