// The routes that Golem's own tools call besides those of agent secrets, as a table: they find out who they are, and look
// for applications and environments by their names. Keys are printed in the order of the original.
import { invalidRequest } from '../errors/refusals.js';
import type { JsonObject } from '../json/exact.js';
import {
  CreateApplicationDocument,
  CreateEnvironmentDocument,
  CurrentLoginTokenDocument,
  type CurrentLoginTokenQuery,
  GetAccountApplicationDocument,
  GetApplicationEnvironmentDocument,
  type GolemApplicationFragment,
  type GolemEnvironmentFragment,
  ListVisibleEnvironmentsDocument,
} from './operations.generated.js';
import { queryIn, uuidIn } from './request.js';
import { type Route, route } from './route.js';

export const GOLEM_ROUTES: readonly Route[] = [
  route({
    operationId: 'current_login_token',
    summary: 'The token of the request',
    method: 'GET',
    path: '/v1/me/token',
    document: CurrentLoginTokenDocument,
    variables: () => ({}),
    body: ({ currentToken }) => currentToken && tokenBody(currentToken),
    messages: { AUTH_UNAUTHORIZED: () => 'Token not found' },
  }),
  route({
    operationId: 'list_visible_environments',
    summary: 'List all environments that the account may see',
    method: 'GET',
    path: '/v1/me/visible-environments',
    document: ListVisibleEnvironmentsDocument,
    variables: ({ request }) => ({
      account: filterIn(request, 'account_email'),
      application: filterIn(request, 'app_name'),
      name: filterIn(request, 'env_name'),
    }),
    next: ({ visibleEnvironments }, count) => {
      const { hasNextPage, endCursor } = visibleEnvironments?.pageInfo ?? {};
      if (hasNextPage && count === MOST_PAGES) throw invalidRequest(TOO_MANY);
      return hasNextPage ? endCursor : null;
    },
    body: (...pages) => {
      const edges = pages.flatMap(({ visibleEnvironments }) => visibleEnvironments?.edges ?? []);
      return { values: edges.map(({ node }) => visibleBody(node)) };
    },
  }),
  route({
    operationId: 'get_account_application',
    summary: 'Get an application of the account by its name',
    method: 'GET',
    path: '/v1/accounts/:account_id/apps/:application_name',
    document: GetAccountApplicationDocument,
    variables: ({ parameter }) => ({
      accountId: uuidIn('account_id', parameter('account_id')),
      name: parameter('application_name'),
    }),
    body: ({ application }) => application && applicationBody(application),
    messages: {
      APPLICATION_NOT_FOUND: ({ parameter }) => `Application not found for name ${parameter('application_name')}`,
    },
  }),
  route({
    operationId: 'create_application',
    summary: 'Create an application in the account',
    method: 'POST',
    path: '/v1/accounts/:account_id/apps',
    document: CreateApplicationDocument,
    variables: async ({ parameter, body }) => {
      const accountId = uuidIn('account_id', parameter('account_id'));
      return { input: { accountId, name: nameIn(await body()) } };
    },
    body: ({ createApplication: result }) =>
      result && ('application' in result ? applicationBody(result.application) : { refused: result }),
  }),
  route({
    operationId: 'get_application_environment',
    summary: 'Get an environment of the application by its name',
    method: 'GET',
    path: '/v1/apps/:application_id/envs/:environment_name',
    document: GetApplicationEnvironmentDocument,
    variables: ({ parameter }) => ({
      applicationId: uuidIn('application_id', parameter('application_id')),
      name: parameter('environment_name'),
    }),
    body: ({ environment }) => environment && environmentBody(environment),
    messages: {
      ENVIRONMENT_NOT_FOUND: ({ parameter }) => `Environment not found for name ${parameter('environment_name')}`,
    },
  }),
  route({
    operationId: 'create_environment',
    summary: 'Create an environment in the application',
    method: 'POST',
    path: '/v1/apps/:application_id/envs',
    document: CreateEnvironmentDocument,
    variables: async ({ parameter, body }) => {
      const applicationId = uuidIn('application_id', parameter('application_id'));
      const given = await body();
      return { input: { applicationId, name: nameIn(given), golem: settingsIn(given) } };
    },
    body: ({ createEnvironment: result }) =>
      result && ('environment' in result ? environmentBody(result.environment) : { refused: result }),
  }),
];

/** With 200 environments in a page, which is what the document asks for. */
const MOST_PAGES = 50;
const TOO_MANY = 'More than 10000 environments: narrow the list by account_email, app_name or env_name';

/** A parameter without a value is as good as none. */
function filterIn(request: Request, name: string): string | null {
  return queryIn(request, name) || null;
}

function nameIn({ name }: JsonObject): string {
  if (typeof name !== 'string') throw invalidRequest('name: expected a string');
  return name;
}

const SETTINGS = ['compatibilityCheck', 'versionCheck', 'securityOverrides'] as const;

function settingsIn(given: JsonObject): Record<(typeof SETTINGS)[number], boolean> {
  const problems = SETTINGS.filter((key) => typeof given[key] !== 'boolean');
  if (problems.length > 0) throw invalidRequest(...problems.map((key) => `${key}: expected true or false`));
  return Object.fromEntries(SETTINGS.map((key) => [key, given[key]])) as Record<(typeof SETTINGS)[number], boolean>;
}

/** When a token ends that never does: the last moment that the original can name. */
const NEVER = '+262142-12-31T23:59:59.999999+00:00';

function tokenBody({ id, accountId, createdAt, expiresAt }: NonNullable<CurrentLoginTokenQuery['currentToken']>) {
  return { accountId, createdAt: momentText(createdAt), expiresAt: expiresAt ? momentText(expiresAt) : NEVER, id };
}

/** As the original prints times: with the offset in digits, and without a fraction of zero. */
function momentText(moment: string): string {
  return moment.replace(/(\.000)?Z$/, '+00:00');
}

/** Counts changes of an application's or environment's own settings, of which this service keeps no count. */
const SETTINGS_REVISION = 0;
/** The tools refuse to work with an environment that has another number. */
const DIFF_MODEL_VERSION = 2;

function applicationBody({ accountId, id, name }: GolemApplicationFragment) {
  return { accountId, id, name, revision: SETTINGS_REVISION };
}

function environmentBody(environment: GolemEnvironmentFragment) {
  const { compatibilityCheck, currentDeployment, diffModelVersion, id, name, ...rest } = summaryBody(environment);
  const { applicationId, accountId: ownerAccountId } = environment.golem;
  const first = { applicationId, compatibilityCheck, currentDeployment, diffModelVersion, id, name, ownerAccountId };
  return { ...first, ...rest };
}

function visibleBody(environment: GolemEnvironmentFragment) {
  const { accountEmail, accountId, accountName, applicationId, applicationName } = environment.golem;
  return {
    account: { email: accountEmail, id: accountId, name: accountName },
    application: { id: applicationId, name: applicationName },
    environment: summaryBody(environment),
  };
}

function summaryBody({ id, name, myRoles, golem }: GolemEnvironmentFragment) {
  return {
    compatibilityCheck: golem.compatibilityCheck,
    currentDeployment: null,
    diffModelVersion: DIFF_MODEL_VERSION,
    id,
    name,
    revision: SETTINGS_REVISION,
    rolesFromActiveShares: myRoles.filter((role) => role !== 'OWNER').map((role) => role.toLowerCase()),
    securityOverrides: golem.securityOverrides,
    versionCheck: golem.versionCheck,
  };
}
