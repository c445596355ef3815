// The outcome of a write of one secret: how it is stored under an idempotency key, and how it is returned to a retry.
import type { Written } from '../../store/secrets/secret-writer.js';
import type { EnvironmentPermission } from '../access/permissions.js';
import type { Context } from '../request/context.js';
import { getEnvironment } from '../tenancy/environment.js';
import type { AgentSecret } from './agent-secret.js';
import { getAgentSecretRevision } from './agent-secret-revision.js';
import type { EarlierOutcome, Outcome } from './idempotency.js';

/** For a write of one secret: converts what was written into the outcome to store. */
export function outcomeOf(agentSecretId: string): (written: Written) => Outcome {
  return ({ revision, environmentRevision }) => ({ agentSecretId, revision, environmentRevision });
}

/** The secret as an earlier write left it. The caller must still be allowed to make such a write. */
export async function replayed(
  ctx: Context,
  earlier: EarlierOutcome,
  action: EnvironmentPermission,
): Promise<AgentSecret> {
  if (action === 'CreateAgentSecret') await getEnvironment(ctx, earlier.environmentId, action);
  const { agentSecretId, revision } = earlier;
  const secret = await getAgentSecretRevision(ctx, agentSecretId as string, revision as bigint);
  await getEnvironment(ctx, earlier.environmentId, action);
  return secret;
}
