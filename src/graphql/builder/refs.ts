// References to the GraphQL object types, in one file so that the modules of the types need not import each other.

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
/** Resolvers may return only the id; the name is then loaded when it is selected. */
export const AccountNameRef = builder.objectRef<Pick<AccountName, 'id'> & Partial<AccountName>>('AccountName');
export const AgentSecretRef = builder.objectRef<AgentSecret>('AgentSecret');
/** The interface of all types that show what a secret is, was or would be. */
export const AgentSecretStateRef = builder.interfaceRef<AgentSecret>('AgentSecretState');
export const AgentSecretRevisionRef = builder.objectRef<AgentSecretRevision>('AgentSecretRevision');
export const ApplicationRef = builder.objectRef<Application>('Application');
export const EnvironmentRef = builder.objectRef<Environment>('Environment');
export const EnvironmentSnapshotRef = builder.objectRef<Environment>('EnvironmentSnapshot');
export const EnvironmentShareRef = builder.objectRef<EnvironmentShare>('EnvironmentShare');
export const PlanRef = builder.objectRef<Plan>('Plan');
export const TokenRef = builder.objectRef<Token>('Token');

/** The interface of all types that the query field `node` can return. */
export const NodeRef = builder.interfaceRef<{ id: string }>('Node').implement({
  description:
    'Anything with an id. Ids are UUIDs, the same in GraphQL and REST. What something was at one of its revisions has an id of its own.',
  fields: (t) => ({
    id: t.exposeID('id', {
      description: 'A UUID in lower case with hyphens; of something past, with a colon and its revision behind it.',
    }),
  }),
});
