// What generators of clients take: the document in OpenAPI 3.0, too, and the GraphQL schema as a file.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { clientOf } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { app } = await restSuite();

test('/openapi-3.0.json is a valid document of 3.0 with the operations and schemas of 3.1, and is committed', async () => {
  const [{ text }, newer] = [
    await app.anonymous.call('GET', '/openapi-3.0.json'),
    (await app.anonymous.call('GET', '/openapi.json')).body,
  ];
  expect(text).toBe(readFileSync('schema/openapi-3.0.json', 'utf8'));
  const document = JSON.parse(text);
  const { valid, errors } = await new Validator().validate(document);
  expect(errors).toBeUndefined();
  expect([valid, document.openapi]).toEqual([true, '3.0.3']);
  expect(Object.keys(document.paths)).toEqual(Object.keys(newer.paths));
  expect(Object.keys(document.components.schemas)).toEqual(Object.keys(newer.components.schemas));
  // Types that 3.0 does not know.
  expect(text).not.toMatch(/"type": "null"|"type": \[|"const"/);
  const { secretValue } = document.components.schemas.AgentSecretUpdate.properties;
  expect(secretValue).toMatchObject({
    nullable: true,
    allOf: [{ $ref: expect.stringContaining('OptionalFieldUpdate') }],
  });
});

test('the value of `type` has a name of its own for each kind, by which generated clients tell kinds apart', async () => {
  const { schemas } = (await app.anonymous.call('GET', '/openapi.json')).body.components;
  for (const [kind, ref] of Object.entries<string>(schemas.AnalysedType.discriminator.mapping)) {
    const { type } = schemas[ref.split('/').at(-1) as string].properties;
    expect(type).toEqual({ $ref: `#/components/schemas/AnalysedTypeName_${kind}` });
    expect(schemas[`AnalysedTypeName_${kind}`].enum).toEqual([kind]);
  }
});

test('no segment of a path may be empty', async () => {
  const { schemas } = (await app.anonymous.call('GET', '/openapi.json')).body.components;
  for (const name of ['AgentSecretDto', 'AgentSecretCreation', 'AgentSecretChange']) {
    expect(schemas[name].properties.path.items.minLength, name).toBe(1);
  }
});

test('/schema.graphql is the schema, to anybody who may learn it', async () => {
  const answer = await app.fetch(new Request('http://localhost/schema.graphql'));
  expect([answer.status, await answer.text()]).toEqual([200, readFileSync('schema/schema.graphql', 'utf8')]);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
  const hidden = clientOf(await app.variant({ introspection: false }), undefined);
  expect((await hidden.call('GET', '/schema.graphql')).status).toBe(404);
});
