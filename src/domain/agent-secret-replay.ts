// What an earlier write did, told again.
import type { EnvironmentAction } from './access.js';
import type { AgentSecret } from './agent-secret.js';
import { getAgentSecretAtRevision } from './agent-secret-revision.js';
import type { Context } from './context.js';
import { getEnvironment } from './environment.js';
import type { EarlierOutcome } from './idempotency.js';

/** The secret as an earlier write left it, for a caller who may still do such a write. */
export async function replayed(ctx: Context, earlier: EarlierOutcome, action: EnvironmentAction): Promise<AgentSecret> {
  if (action === 'CreateAgentSecret') await getEnvironment(ctx, earlier.environmentId, action);
  const { agentSecretId, revision } = earlier;
  const secret = await getAgentSecretAtRevision(ctx, agentSecretId as string, revision as bigint);
  await getEnvironment(ctx, earlier.environmentId, action);
  return secret;
}
