// What the caller may do in an environment, and with a secret: the table of permissions, asked for one caller.
import { type EnvironmentPermission, isAllowed, type Role } from '../../domain/access/permissions.js';
import type { Context } from '../../domain/request/context.js';
import { builder } from '../builder/builder.js';
import { loadEnvironmentOrNull } from '../builder/loaders.js';
import { AgentSecretRef, EnvironmentRef } from '../builder/refs.js';

/** The caller's roles, in the environment or in that of the secret. */
type Position = { roles: readonly Role[] };

const MEANINGS: Record<EnvironmentPermission, string> = {
  ViewEnvironment: 'See the environment’s own fields.',
  ViewAgentSecret: 'See secrets, their history and their changes, without values.',
  RevealAgentSecretValue: 'Open the values of secrets.',
  CreateAgentSecret: 'Create secrets; with a token that is limited to paths, only there.',
  UpdateAgentSecret: 'Change, restore and erase values.',
  DeleteAgentSecret: 'Delete secrets.',
  ViewRead: 'See who opened which value.',
  ViewShare: 'See the shares of the environment.',
  CreateShare: 'Share the environment with accounts.',
  UpdateShare: 'Change the roles that shares give.',
  DeleteShare: 'End shares.',
  UpdateEnvironment: 'Rename the environment.',
  DeleteEnvironment: 'Delete the environment.',
};
const ACTIONS = Object.keys(MEANINGS) as EnvironmentPermission[];
/** Those that concern one secret. */
const SECRET_ACTIONS = [
  'RevealAgentSecretValue',
  'UpdateAgentSecret',
  'DeleteAgentSecret',
] as const satisfies EnvironmentPermission[];

function permissions(name: string, description: string, actions: readonly EnvironmentPermission[]) {
  return builder.objectRef<Position>(name).implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        actions.map((action) => [
          `${action[0]?.toLowerCase()}${action.slice(1)}`,
          t.boolean({
            description: MEANINGS[action],
            resolve: (position: Position, _: object, ctx: Context) => isAllowed(ctx, position, action),
          }),
        ]),
      ),
  });
}

const EnvironmentPermissions = permissions(
  'EnvironmentPermissions',
  'What the caller may do in an environment: by its roles and by its credential, both together.',
  ACTIONS,
);
const AgentSecretPermissions = permissions(
  'AgentSecretPermissions',
  'What the caller may do with a secret: by its roles and by its credential, both together.',
  SECRET_ACTIONS,
);

builder.objectFields(EnvironmentRef, (t) => ({
  permissions: t.field({
    type: EnvironmentPermissions,
    description: 'What the caller may do here. Roles: all.',
    resolve: (environment) => environment,
  }),
}));

builder.objectFields(AgentSecretRef, (t) => ({
  permissions: t.field({
    type: AgentSecretPermissions,
    nullable: true,
    description: 'What the caller may do with it; null when its environment has just been deleted.',
    resolve: ({ environmentId }, _, ctx) => loadEnvironmentOrNull(ctx, environmentId),
  }),
}));
