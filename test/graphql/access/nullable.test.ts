// What a role or a credential may not see is null where it stands: it takes nothing else along.
import { type GraphQLObjectType, getNamedType, isLeafType, isObjectType, isRequiredArgument } from 'graphql';
import { beforeAll, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { graphql } from '../../support/graphql/client.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world, token, environmentId } = await graphqlSuite();
/** Tokens of every role, full and limited in every way. */
const credentials: [name: string, token: string][] = [];

beforeAll(async () => {
  await done(
    createSecret(app, token, { environmentId, path: ['seen'], secretType: { type: 'Str' }, secretValue: 'x' }),
  );
  for (const role of ['owner', 'admin', 'deployer', 'viewer', 'roleless', 'stranger', 'operator'] as const) {
    const full = world.people[role].token;
    const isHere = !['roleless', 'stranger', 'operator'].includes(role);
    const limits = [
      { scopes: ['METADATA'] as const },
      { pathPrefixes: ['else.where'] },
      ...(isHere ? [{ environmentId }] : []),
    ];
    credentials.push([role, full]);
    for (const limit of limits)
      credentials.push([`${role} ${JSON.stringify(limit)}`, await tokenWith(app, full, limit)]);
  }
});

/** Every field that needs no argument, so many levels deep. */
function selectionOf(type: GraphQLObjectType, levels: number): string {
  const fields = Object.values(type.getFields()).filter((field) => !field.args.some(isRequiredArgument));
  const selected = fields.flatMap((field) => {
    const named = getNamedType(field.type);
    if (isLeafType(named)) return [field.name];
    if (!isObjectType(named)) return [];
    const isPage = /(Connection|Edge)$/.test(named.name);
    if (levels === 0 && !isPage) return [];
    return [`${field.name} { __typename ${selectionOf(named, isPage ? levels : levels - 1)} }`];
  });
  return selected.filter((each) => each !== 'agentSecret { __typename }').join(' ');
}

const typed = (name: string) => schema.getType(name) as GraphQLObjectType;
/** Ways to the objects whose fields depend on who asks. */
const WAYS: Record<string, () => string> = {
  'environments in a list': () => `visibleEnvironments { edges { node { ${selectionOf(typed('Environment'), 1)} } } }`,
  'an environment of the past': () =>
    `visibleEnvironments { edges { node { snapshot(revision: 0) { ${selectionOf(typed('EnvironmentSnapshot'), 1)} } } } }`,
  'the account': () => `viewer { ${selectionOf(typed('Account'), 1)} }`,
  'shared environments': () =>
    `viewer { sharedEnvironments { edges { node { ${selectionOf(typed('Environment'), 0)} } } } }`,
};

test.each(Object.entries(WAYS))(
  '%s: every error stands at a null of its own, for every credential',
  async (place, way) => {
    let refused = 0;
    for (const [name, credential] of credentials) {
      const { data, errors = [] } = await graphql<any>(app, credential, `{ ${way()} }`);
      for (const { path = [], message } of errors) {
        expect(path, `${name}: ${message}`).not.toEqual([]);
        const parent = path.slice(0, -1).reduce((value: any, step) => value?.[step], data);
        expect(parent, `${name}: ${path.join('.')}: ${message}`).toHaveProperty([path.at(-1) as string], null);
        refused += 1;
      }
    }
    if (place !== 'the account') expect(refused).toBeGreaterThan(0);
  },
);
