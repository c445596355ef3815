// Details of the operations for Golem's tools that are not in the table of routes.
import type { Description } from './description.js';

export const GOLEM_OPERATIONS = {
  current_login_token: {
    description:
      'Which token this is, and of which account. Golem’s tools ask this first. A token may be limited in any way. The time of a token that never ends is a very late one. A login of an OIDC issuer has no token: it is answered 404.',
    responseSchema: 'Token',
    responseDescription: 'The token, without its secret part.',
    errorCodes: ['TOKEN_NOT_FOUND'],
    messages: {
      AUTH_UNAUTHORIZED: 'Token not found',
      TOKEN_NOT_FOUND: 'A login has no token: make one with createToken',
    },
  },
  list_visible_environments: {
    description:
      'Every environment in which the account has a role, its own and shared ones, oldest first; for a token of one environment that one. Names must match exactly, emails in any case. More than 10,000 environments are not listed: that is answered 400, and the parameters narrow the list.',
    responseSchema: 'Page_EnvironmentWithDetails',
    responseDescription: 'The environments; none when nothing matches.',
    query: ['account_email', 'app_name', 'env_name'],
    errorCodes: ['INVALID_REQUEST'],
    messages: { INVALID_REQUEST: 'app_name: expected once' },
  },
  get_account_application: {
    description:
      'For the account itself. For everybody else, and for a token of one environment, no application exists: they are answered 404.',
    responseSchema: 'Application',
    responseDescription: 'The application.',
    errorCodes: ['INVALID_REQUEST', 'APPLICATION_NOT_FOUND'],
    messages: { APPLICATION_NOT_FOUND: 'Application not found for name shop' },
  },
  create_application: {
    description:
      'For the account itself, with a token that has the scope `admin` and is limited to no environment and no paths. An account has 1,000 applications at most.',
    requestSchema: 'ApplicationCreation',
    responseSchema: 'Application',
    responseDescription: 'The new application.',
    errorCodes: ['INVALID_REQUEST', 'AUTH_FORBIDDEN', 'ACCOUNT_NOT_FOUND', 'ALREADY_EXISTS', 'LIMIT_EXCEEDED'],
    messages: {
      AUTH_FORBIDDEN: 'The action CreateApplication needs the scope admin, which the token does not have',
      LIMIT_EXCEEDED: 'An account may have 1000 applications',
    },
  },
  get_application_environment: {
    description:
      'For the owner, and for shares with any role. For everybody else the environment does not exist: they are answered 404.',
    responseSchema: 'Environment',
    responseDescription: 'The environment.',
    errorCodes: ['INVALID_REQUEST', 'ENVIRONMENT_NOT_FOUND'],
    messages: { ENVIRONMENT_NOT_FOUND: 'Environment not found for name prod' },
  },
  create_environment: {
    description:
      'For the owner of the application, with a token that has the scope `admin` and is limited to no environment and no paths.',
    requestSchema: 'EnvironmentCreation',
    responseSchema: 'Environment',
    responseDescription: 'The new environment.',
    errorCodes: ['INVALID_REQUEST', 'AUTH_FORBIDDEN', 'APPLICATION_NOT_FOUND', 'ALREADY_EXISTS', 'LIMIT_EXCEEDED'],
    messages: {
      AUTH_FORBIDDEN: 'The action CreateEnvironment needs the scope admin, which the token does not have',
      ALREADY_EXISTS: 'Environment prod already exists',
      LIMIT_EXCEEDED: 'The plan allows 100 environments per account',
    },
  },
} as const satisfies Record<string, Description>;
