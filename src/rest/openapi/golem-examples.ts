// Example requests and responses of the operations for Golem's tools, for the OpenAPI document and /docs.
import { EXAMPLE_IDS, type Example } from './examples.js';

const APPLICATION = {
  accountId: EXAMPLE_IDS.account_id,
  id: EXAMPLE_IDS.application_id,
  name: EXAMPLE_IDS.application_name,
  revision: 0,
};

const SUMMARY = {
  compatibilityCheck: false,
  currentDeployment: null,
  diffModelVersion: 2,
  id: EXAMPLE_IDS.environment_id,
  name: EXAMPLE_IDS.environment_name,
  revision: 0,
  rolesFromActiveShares: [],
  securityOverrides: false,
  versionCheck: false,
};

const { id, name, compatibilityCheck, currentDeployment, diffModelVersion, ...more } = SUMMARY;
/** In the order of the answer. */
const ENVIRONMENT = {
  applicationId: EXAMPLE_IDS.application_id,
  compatibilityCheck,
  currentDeployment,
  diffModelVersion,
  id,
  name,
  ownerAccountId: EXAMPLE_IDS.account_id,
  ...more,
};

/** Keyed by operation, in the order in which the test executes them. */
export const GOLEM_EXAMPLES = {
  current_login_token: {
    response: {
      accountId: EXAMPLE_IDS.account_id,
      createdAt: '2026-07-01T12:00:00.117+00:00',
      expiresAt: '+262142-12-31T23:59:59.999999+00:00',
      id: '019a1f6e-2a31-7f08-9b4c-6d1e8f3a5b04',
    },
  },
  create_application: { request: { name: EXAMPLE_IDS.application_name }, response: APPLICATION },
  get_account_application: { response: APPLICATION },
  create_environment: {
    request: {
      name: EXAMPLE_IDS.environment_name,
      compatibilityCheck: false,
      versionCheck: false,
      securityOverrides: false,
    },
    response: ENVIRONMENT,
  },
  get_application_environment: { response: ENVIRONMENT },
  list_visible_environments: {
    query: { app_name: EXAMPLE_IDS.application_name, env_name: EXAMPLE_IDS.environment_name },
    response: {
      values: [
        {
          account: { email: 'ada@example.com', id: EXAMPLE_IDS.account_id, name: 'ada' },
          application: { id: EXAMPLE_IDS.application_id, name: EXAMPLE_IDS.application_name },
          environment: SUMMARY,
        },
      ],
    },
  },
} satisfies Record<string, Example>;
