// The schema as documentation and as a promise: everything is described, refusals are data, nothing breaks unseen.
import {
  type GraphQLNamedType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../../src/errors/errors.js';
import { schema } from '../../../src/graphql/schema.js';

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);
const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});

/** Every part of a type that clients see, by its place. */
function partsOf(type: GraphQLNamedType): [place: string, description: string | null | undefined][] {
  const own: [string, string | null | undefined] = [type.name, type.description];
  if (isEnumType(type))
    return [
      own,
      ...type.getValues().map((value) => [`${type.name}.${value.name}`, value.description] as [string, string]),
    ];
  if (isInputObjectType(type)) {
    return [
      own,
      ...Object.values(type.getFields()).map(
        (field) => [`${type.name}.${field.name}`, field.description] as [string, string],
      ),
    ];
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return [own];
  const fields = Object.values(type.getFields()).flatMap((field) => [
    [`${type.name}.${field.name}`, field.description] as [string, string],
    ...field.args.map((arg) => [`${type.name}.${field.name}(${arg.name})`, arg.description] as [string, string]),
  ]);
  return [own, ...fields];
}

test('every type, field, argument, enum value and input field has a description', () => {
  const parts = types.flatMap(partsOf);
  expect(parts.length).toBeGreaterThan(300);
  expect(parts.filter(([, description]) => !description?.trim()).map(([place]) => place)).toEqual([]);
});

test('every description is a sentence or two, not a repetition of the name', () => {
  const bare = types.flatMap(partsOf).filter(([place, description]) => {
    const words = description?.toLowerCase().replaceAll(/[^a-z]/g, '');
    return words === place.slice(place.lastIndexOf('.') + 1).toLowerCase();
  });
  expect(bare).toEqual([]);
});

test('a mutation’s result union is one success and else refusals', () => {
  for (const { name, type } of mutations) {
    const result = getNamedType(type);
    if (!isUnionType(result)) continue;
    const successes = result
      .getTypes()
      .filter((member) => !member.getInterfaces().some((one) => one.name === 'Refusal'));
    expect([name, successes.length]).toEqual([name, 1]);
    expect([name, result.getTypes().length > 1]).toEqual([name, true]);
  }
});

test('every refusal implements Refusal, and every Refusal is a member of some result', () => {
  const refusal = schema.getType('Refusal');
  if (!isInterfaceType(refusal)) throw new Error('Refusal is no interface');
  const refusals = schema.getPossibleTypes(refusal).map(({ name }) => name);
  // The results of mutations, and those of the single changes of a set.
  const results = types.filter(isUnionType);
  const members = new Set(results.flatMap((result) => result.getTypes().map(({ name }) => name)));
  expect(refusals.filter((name) => !members.has(name))).toEqual([]);
  for (const type of types.filter(isObjectType)) {
    const { code, message } = type.getFields();
    expect([type.name, Boolean(code && message)]).toEqual([type.name, refusals.includes(type.name)]);
  }
});

test('every mutation takes one required input object, and its result may be null, so that one failure leaves the others', () => {
  for (const { name, args, type } of mutations) {
    expect([name, args.map((arg) => `${arg.name}: ${arg.type}`)]).toEqual([
      name,
      [`input: ${name[0]?.toUpperCase()}${name.slice(1)}Input!`],
    ]);
    expect(String(type)).not.toMatch(/!$/);
  }
});

test('ErrorCode is the closed list', () => {
  const codes = schema.getType('ErrorCode');
  expect(
    isEnumType(codes) &&
      codes
        .getValues()
        .map(({ name }) => name)
        .sort(),
  ).toEqual([...ERROR_CODES].sort());
});

test('everything with a global id is a Node', () => {
  const withId = types.filter(isObjectType).filter((type) => type.getFields().id);
  for (const type of withId) expect([type.name, ...type.getInterfaces().map(({ name }) => name)]).toContain('Node');
});

test('every count and limit is an Int', () => {
  const counts = types
    .filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()).map((field) => ({ place: `${type.name}.${field.name}`, field })))
    .filter(({ field }) => /Count$|^max[A-Z]|^(used|limit)$/.test(field.name));
  expect(counts.length).toBeGreaterThan(8);
  for (const { place, field } of counts) expect([place, getNamedType(field.type).name]).toEqual([place, 'Int']);
});
