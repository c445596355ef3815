// Lists all secrets of an environment at once, with or without their values. The plan limits the length of the list.
import { limitExceeded } from '../../errors/refusals.js';
import {
  type AgentSecretOutlineRow,
  findAgentSecretBytes,
  findAllAgentSecretOutlines,
  findAllAgentSecrets,
} from '../../store/secrets/agent-secret-list.js';
import { authorize } from '../access/permissions.js';
import { openSealedValues } from '../keys/sealed-value.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import type { Environment } from '../tenancy/environment.js';
import { MAX_TYPE_BYTES } from '../types/analysed-type-parse.js';
import { type AgentSecret, stateOf, within } from './agent-secret.js';

/**
 * Maximum size of all types and encrypted values of one list. A response is one string, and V8 limits a string to 512
 * MiB.
 */
const MAX_LISTED_BYTES = 256 * 1024 * 1024;

/**
 * All secrets of the environment in the order of their paths. The plan limits the number of secrets per environment.
 */
export async function listAllAgentSecrets(ctx: Context, environment: Environment): Promise<AgentSecret[]> {
  authorize(ctx, environment, 'ViewAgentSecret');
  if (environment.isDeleted) return [];
  await checkListSize(ctx, environment);
  const { pathPrefixes } = actorOf(ctx).grant;
  const rows = await findAllAgentSecrets(ctx.services.db, stateOf(environment), pathPrefixes);
  return environment.at === undefined ? rows : rows.map((row) => within(environment, row));
}

/** A listed secret with only the fields that this list needs. */
interface OpenedAgentSecret extends Pick<AgentSecretOutlineRow, 'id' | 'path' | 'secretType' | 'revision'> {
  /** The value's canonical JSON text; null without a value. */
  value: string | null;
}

/**
 * All secrets with their values, decrypted in time slices. Fails with the same errors as opening the values one by one.
 */
export async function listOpenedAgentSecrets(ctx: Context, environment: Environment): Promise<OpenedAgentSecret[]> {
  authorize(ctx, environment, 'ViewAgentSecret');
  if (environment.isDeleted) return [];
  await checkListSize(ctx, environment);
  const { pathPrefixes } = actorOf(ctx).grant;
  const rows = await findAllAgentSecretOutlines(ctx.services.db, stateOf(environment), pathPrefixes);
  const values = await openSealedValues(ctx, environment.id, rows);
  return rows.map(({ id, path, secretType, revision }, index) => ({
    id,
    path,
    secretType,
    revision,
    value: values[index] as string | null,
  }));
}

async function checkListSize(ctx: Context, environment: Environment): Promise<void> {
  spendItems(ctx, Math.max(1, environment.secretCount));
  // The plan limits the size of the values only. The type documents of so many secrets could still exceed one response.
  if (environment.secretCount * MAX_TYPE_BYTES <= MAX_LISTED_BYTES) return;
  const bytes = await findAgentSecretBytes(ctx.services.db, environment.id);
  if (bytes > MAX_LISTED_BYTES) {
    throw limitExceeded('The environment is too large for one list; read it in pages (GraphQL: agentSecrets)');
  }
}
