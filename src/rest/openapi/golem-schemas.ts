// OpenAPI schemas of the bodies for Golem's tools, under the names that the original has for them.
import { GOLEM_EXAMPLES } from './golem-examples.js';
import { UUID } from './types.js';

const NAME = { type: 'string', minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' };
const REVISION = { description: 'Always 0.', type: 'integer' };

const SETTING = { description: 'Kept for the tools; without effect here.', type: 'boolean' };
const SETTINGS = { compatibilityCheck: SETTING, versionCheck: SETTING, securityOverrides: SETTING };

function object(description: string, properties: Record<string, object>, example?: object) {
  return {
    description,
    type: 'object',
    required: Object.keys(properties),
    properties,
    ...(example ? { examples: [example] } : {}),
  };
}

const SUMMARY = {
  id: { description: 'For good; the `environment_id` of the operations on secrets.', ...UUID },
  name: { description: 'Unique in its application.', ...NAME },
  ...SETTINGS,
  currentDeployment: { description: 'There are no deployments here.', type: 'null' },
  diffModelVersion: { description: 'Always 2, which the tools compare with their own.', type: 'integer' },
  revision: REVISION,
  rolesFromActiveShares: {
    description: 'The roles that the caller has by a share; none for the owner.',
    type: 'array',
    items: { type: 'string', enum: ['admin', 'deployer', 'viewer'] },
  },
};

export const GOLEM_SCHEMAS = {
  Token: object(
    'A token, without its secret part.',
    {
      accountId: { description: 'The account it belongs to.', ...UUID },
      createdAt: { description: 'When it was created.', type: 'string', format: 'date-time' },
      expiresAt: {
        description: 'When it ends; `+262142-12-31T23:59:59.999999+00:00` when it never does.',
        type: 'string',
      },
      id: { description: 'The token’s id.', ...UUID },
    },
    GOLEM_EXAMPLES.current_login_token.response,
  ),
  Application: object(
    'A named group of environments under one account.',
    {
      accountId: { description: 'The account that owns it.', ...UUID },
      id: { description: 'For good.', ...UUID },
      name: { description: 'Unique in its account.', ...NAME },
      revision: REVISION,
    },
    GOLEM_EXAMPLES.get_account_application.response,
  ),
  ApplicationCreation: object(
    'A new application. Unknown keys are ignored.',
    { name: { description: 'Free in the account.', ...NAME } },
    GOLEM_EXAMPLES.create_application.request,
  ),
  Environment: object(
    'An environment of an application.',
    {
      applicationId: { description: 'Its application.', ...UUID },
      ownerAccountId: { description: 'The account that owns it.', ...UUID },
      ...SUMMARY,
    },
    GOLEM_EXAMPLES.get_application_environment.response,
  ),
  EnvironmentCreation: object(
    'A new environment. Unknown keys are ignored.',
    { name: { description: 'Free in the application.', ...NAME }, ...SETTINGS },
    GOLEM_EXAMPLES.create_environment.request,
  ),
  Page_EnvironmentWithDetails: object('All environments that match. There is only one page.', {
    values: { type: 'array', items: { $ref: '#/components/schemas/EnvironmentWithDetails' } },
  }),
  EnvironmentWithDetails: object(
    'An environment with what is above it.',
    {
      account: { $ref: '#/components/schemas/AccountSummary' },
      application: { $ref: '#/components/schemas/ApplicationSummary' },
      environment: { $ref: '#/components/schemas/EnvironmentSummary' },
    },
    GOLEM_EXAMPLES.list_visible_environments.response.values[0],
  ),
  AccountSummary: object('The account that owns an environment.', {
    email: { description: 'Its email, or its name without one.', type: 'string' },
    id: UUID,
    name: NAME,
  }),
  ApplicationSummary: object('The application of an environment.', { id: UUID, name: NAME }),
  EnvironmentSummary: object('The environment itself.', SUMMARY),
};
