// Every secret of an environment in one list, which the plan bounds: as it is, or with its value opened.
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

/** Types and sealed values of one list together: an answer is one string, which ends at 512 MiB. */
const MAX_LISTED_BYTES = 256 * 1024 * 1024;

/** Every secret of the environment by path; bounded by the plan's secrets per environment. */
export async function listAllAgentSecrets(ctx: Context, environment: Environment): Promise<AgentSecret[]> {
  authorize(ctx, environment, 'ViewAgentSecret');
  if (environment.isDeleted) return [];
  await checkListSize(ctx, environment);
  const { pathPrefixes } = actorOf(ctx).grant;
  const rows = await findAllAgentSecrets(ctx.services.db, stateOf(environment), pathPrefixes);
  return environment.at === undefined ? rows : rows.map((row) => within(environment, row));
}

/** A secret of a list of which nothing else is asked. */
interface OpenedAgentSecret extends Pick<AgentSecretOutlineRow, 'id' | 'path' | 'secretType' | 'revision'> {
  /** The value's canonical JSON text, or null without one. */
  value: string | null;
}

/** The same secrets with their values, opened in portions. Refuses as opening one by one would. */
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
  // The plan bounds the values; that many types could still be more than one answer can hold.
  if (environment.secretCount * MAX_TYPE_BYTES <= MAX_LISTED_BYTES) return;
  const bytes = await findAgentSecretBytes(ctx.services.db, environment.id);
  if (bytes > MAX_LISTED_BYTES) {
    throw limitExceeded('The environment is too large for one list; read it in pages (GraphQL: agentSecrets)');
  }
}
