// Makes valid documents of the world's schema: fragments, aliases, directives, variables and defaults in any combination.
import {
  type DocumentNode,
  type GraphQLCompositeType,
  type GraphQLField,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isUnionType,
  parse,
  validate,
} from 'graphql';
import { JsonNumber } from '../../src/json/exact.js';
import { type Random, randomFrom } from './random.js';
import { TRICKY, world } from './world.js';

export interface Case {
  text: string;
  document: DocumentNode;
  /** The same document runs with each of them. */
  variables: Record<string, unknown>[];
}

const ALIASES = ['x', 'y', '__proto__', 'constructor', 'toString', 'length', 'eval'];
/** The variables of every document, and values for them, of which some are refused. */
const VARIABLES: Record<string, { type: string; values: (random: Random) => unknown }> = {
  yes: { type: 'Boolean!', values: (random) => random.chance(0.5) },
  maybe: { type: 'Boolean = true', values: (random) => random.pick([true, false, undefined, null]) },
  int: { type: 'Int', values: (random) => random.pick([1, 0, -5, null, undefined, 2 ** 40, 'text']) },
  deflt: { type: 'Int = 5', values: (random) => random.pick([1, undefined, undefined, null]) },
  text: { type: 'String', values: (random) => random.pick([...TRICKY, undefined, null]) },
  level: { type: 'Level', values: (random) => random.pick(['LOW', 'HIGH', 'LOW', 'NO', undefined]) },
  options: {
    type: 'Options = { text: "d" }',
    values: (random) => random.pick([{ must: 1 }, { more: [{ level: 'HIGH' }, null] }, { none: 1 }, undefined, null]),
  },
  json: { type: 'Json', values: (random) => random.pick([{ a: [1] }, 'text', null, undefined]) },
  exact: { type: 'Exact', values: (random) => random.pick([new JsonNumber('18446744073709551615'), undefined]) },
  picky: { type: 'Picky', values: (random) => random.pick(['fine', 'fine', 'refused', undefined]) },
};

/** A valid document; undefined where this seed makes none. */
export function caseOf(seed: number): Case | undefined {
  const random = randomFrom(seed);
  const text = documentText(random);
  const document = parse(text);
  if (validate(world, document).length > 0) return undefined;
  return {
    text,
    document,
    variables: [variablesFor(random, true), variablesFor(random, true), variablesFor(random, false)],
  };
}

function variablesFor(random: Random, areGood: boolean): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, { values }] of Object.entries(VARIABLES)) {
    const value = values(random);
    if (value === undefined) continue;
    if (areGood && (value === 'refused' || value === 'NO' || value === 'text' || value === 2 ** 40)) continue;
    if (areGood && (value === null || (typeof value === 'object' && 'none' in value))) continue;
    given[name] = value;
  }
  return given;
}

function documentText(random: Random): string {
  const kind = random.chance(0.15) ? 'mutation' : 'query';
  const root = kind === 'query' ? world.getQueryType() : world.getMutationType();
  const fragments: { name: string; on: GraphQLCompositeType; text: string }[] = [];
  for (let index = 0; index < random.below(4); index += 1) {
    const on = world.getType(
      random.pick(['A', 'B', 'C', 'Named', 'Rated', 'Thing', kind === 'query' ? 'Query' : 'Mutation']),
    );
    const composite = on as GraphQLCompositeType;
    // Only those before it, so that none leads to itself.
    const text = selections(random, composite, 2, [...fragments]);
    fragments.push({ name: `F${index}`, on: composite, text: `fragment F${index} on ${composite.name} ${text}` });
  }
  const body = selections(random, root as GraphQLCompositeType, 4, fragments);
  const all = [body, ...fragments.map(({ text }) => text)].join('\n');
  const used = Object.entries(VARIABLES).filter(([name]) => new RegExp(`\\$${name}\\b`).test(all));
  const declared = used.map(([name, { type }]) => `$${name}: ${type}`).join(', ');
  const spread = fragments.filter(({ name }) => new RegExp(`\\.\\.\\.${name}\\b`).test(all));
  return `${kind} Op${declared && `(${declared})`} ${body}\n${spread.map(({ text }) => text).join('\n')}`;
}

function selections(
  random: Random,
  type: GraphQLCompositeType,
  depth: number,
  fragments: readonly { name: string; on: GraphQLCompositeType }[],
): string {
  const parts: string[] = [];
  const count = 1 + random.below(5);
  for (let index = 0; index < count; index += 1) {
    const which = random.below(10);
    if (which === 0) parts.push(`${random.chance(0.2) ? 'y: ' : ''}__typename${directives(random)}`);
    else if (which === 1 && depth > 0) {
      const on = isAbstractType(type) ? random.pick([...world.getPossibleTypes(type), type]) : type;
      const condition = random.chance(0.2) ? '' : `on ${on.name}`;
      const inner = condition === '' ? type : on;
      parts.push(`... ${condition}${directives(random)} ${selections(random, inner, depth - 1, fragments)}`);
    } else if (which === 2 && fragments.length > 0)
      parts.push(`...${random.pick(fragments).name}${directives(random)}`);
    else if (!isUnionType(type))
      parts.push(field(random, random.pick(Object.values(type.getFields())), depth, fragments));
  }
  return `{ ${parts.length > 0 ? parts.join(' ') : '__typename'} }`;
}

function field(
  random: Random,
  { name, type, args }: GraphQLField<unknown, unknown>,
  depth: number,
  fragments: readonly { name: string; on: GraphQLCompositeType }[],
): string {
  const named = getNamedType(type);
  const below = isCompositeType(named) ? ` ${selections(random, named, depth > 0 ? depth - 1 : 0, fragments)}` : '';
  if (below !== '' && depth <= 0) return '__typename';
  const given = args.filter(() => random.chance(0.4)).map((each) => `${each.name}: ${argument(random, each.name)}`);
  const alias = random.chance(0.15) ? `${random.pick(ALIASES)}: ` : '';
  return `${alias}${name}${given.length > 0 ? `(${given.join(', ')})` : ''}${directives(random)}${below}`;
}

function directives(random: Random): string {
  if (!random.chance(0.12)) return '';
  const condition = random.pick(['true', 'false', '$yes', '$maybe']);
  return random.pick([
    ` @skip(if: ${condition})`,
    ` @include(if: ${condition})`,
    ` @include(if: $yes) @skip(if: ${condition})`,
  ]);
}

function argument(random: Random, name: string): string {
  switch (name) {
    case 'int':
    case 'times':
      return random.pick(['1', 'null', '$int', '$deflt']);
    case 'text':
      return random.pick([
        'null',
        '$text',
        ...TRICKY.filter((text) => text !== '\ud800').map((text) => JSON.stringify(text)),
      ]);
    case 'options':
      return random.pick([
        '$options',
        '{}',
        '{ level: $level, must: 4 }',
        '{ text: $text, more: [{ must: 1 }] }',
        'null',
      ]);
    case 'list':
      return random.pick(['[1, 2]', '3', '[]', 'null']);
    case 'json':
      return random.pick(['$json', '{ a: $text, b: [1.5, $json] }', '"text"', '[$int]']);
    case 'picky':
      return random.pick(['"fine"', '$picky']);
    default:
      return random.pick(['18446744073709551615', '$exact', '1.0']);
  }
}
