// The nouns by name, so that their files can point at each other without importing each other.

import type { Token } from '../../domain/access/token.js';
import type { AgentSecret } from '../../domain/secrets/agent-secret.js';
import type { AgentSecretRevision } from '../../domain/secrets/agent-secret-revision.js';
import type { Account, AccountName } from '../../domain/tenancy/account.js';
import type { Application } from '../../domain/tenancy/application.js';
import type { Environment } from '../../domain/tenancy/environment.js';
import type { EnvironmentShare } from '../../domain/tenancy/environment-share.js';
import type { Plan } from '../../domain/tenancy/plan.js';
import { builder } from './builder.js';

export const AccountRef = builder.objectRef<Account>('Account');
/** The name is loaded when it is asked for, if it is not there. */
export const AccountNameRef = builder.objectRef<Pick<AccountName, 'id'> & Partial<AccountName>>('AccountName');
export const AgentSecretRef = builder.objectRef<AgentSecret>('AgentSecret');
export const AgentSecretRevisionRef = builder.objectRef<AgentSecretRevision>('AgentSecretRevision');
export const ApplicationRef = builder.objectRef<Application>('Application');
export const EnvironmentRef = builder.objectRef<Environment>('Environment');
export const EnvironmentShareRef = builder.objectRef<EnvironmentShare>('EnvironmentShare');
export const PlanRef = builder.objectRef<Plan>('Plan');
export const TokenRef = builder.objectRef<Token>('Token');

/** Everything with an id that `node` answers. */
export const NodeRef = builder.interfaceRef<{ id: string }>('Node').implement({
  description: 'Anything with an id. Ids are UUIDs, the same in GraphQL and REST.',
  fields: (t) => ({ id: t.exposeID('id', { description: 'A UUID in lower case with hyphens.' }) }),
});
