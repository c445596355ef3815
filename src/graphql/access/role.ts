// The GraphQL enums of roles in an environment: all roles, and those that a share can give.
import type { ShareRole } from '../../domain/access/permissions.js';
import { builder } from '../builder/builder.js';

export const RoleRef = builder.enumType('Role', {
  description: 'A role in an environment.',
  values: {
    OWNER: { value: 'owner', description: 'The account that owns the application: everything.' },
    ADMIN: { value: 'admin', description: 'By share: secrets, shares and settings.' },
    DEPLOYER: { value: 'deployer', description: 'By share: secrets.' },
    VIEWER: { value: 'viewer', description: 'By share: the environment’s own fields, nothing about secrets.' },
  } as const,
});

export const ShareRoleRef = builder.enumType('ShareRole', {
  description: 'A role that a share can give; see `Role`.',
  values: {
    ADMIN: { value: 'admin', description: 'Secrets, shares and settings.' },
    DEPLOYER: { value: 'deployer', description: 'Secrets.' },
    VIEWER: { value: 'viewer', description: 'The environment’s own fields, nothing about secrets.' },
  } as const satisfies Record<Uppercase<ShareRole>, { value: ShareRole; description: string }>,
});
