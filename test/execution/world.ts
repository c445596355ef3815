// A schema with every kind of type, whose resolvers answer, fail and wait as a seed tells for each place of the answer.
import {
  GraphQLBoolean,
  GraphQLEnumType,
  type GraphQLFieldConfig,
  GraphQLFloat,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
  getNamedType,
  isLeafType,
  isListType,
  isNonNullType,
  valueFromASTUntyped,
} from 'graphql';
import { JsonNumber, RawJson } from '../../src/json/exact.js';
import { hashOf, type Random, randomFrom } from './random.js';

/** What a request is executed with. */
export interface WorldContext {
  seed: number;
  /** How often something goes wrong, of a hundred times. */
  trouble: number;
  /** How often a promise is answered, of a hundred times. */
  waiting: number;
}

export const TRICKY = [
  '',
  'a',
  '"quoted"',
  'back\\slash',
  '\u0000\u001f',
  '\u2028',
  'ü€😀',
  '\ud800',
  "'); x(",
  'x'.repeat(60),
];

const Level = new GraphQLEnumType({ name: 'Level', values: { LOW: { value: 1 }, HIGH: { value: 'h' } } });
/** 64-bit integers, and numbers that keep their digits. */
const Exact = new GraphQLScalarType({
  name: 'Exact',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node) => ('value' in node ? new JsonNumber(String(node.value)) : undefined),
});
const Json = new GraphQLScalarType({
  name: 'Json',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});
/** Refuses some values in either direction. */
const Picky = new GraphQLScalarType({
  name: 'Picky',
  serialize(value) {
    if (value === 'refused') throw new TypeError('Picky does not print this');
    return value === 'nothing' ? undefined : value;
  },
  parseValue(value) {
    if (value === 'refused') throw new TypeError('Picky does not take this');
    return value;
  },
});

const Options: GraphQLInputObjectType = new GraphQLInputObjectType({
  name: 'Options',
  fields: () => ({
    level: { type: Level, defaultValue: 1 },
    text: { type: GraphQLString },
    must: { type: new GraphQLNonNull(GraphQLInt), defaultValue: 7 },
    more: { type: new GraphQLList(Options) },
  }),
});

const Named: GraphQLInterfaceType = new GraphQLInterfaceType({
  name: 'Named',
  fields: { id: { type: new GraphQLNonNull(GraphQLID) }, name: { type: GraphQLString } },
});
const Rated: GraphQLInterfaceType = new GraphQLInterfaceType({
  name: 'Rated',
  fields: { exact: { type: Exact } },
  // Like those of the service: a name, a promise of it, or an error.
  resolveType(value: { kind: string }, { seed, trouble, waiting }: WorldContext, info) {
    const random = randomFrom(hashOf(`${seed}:type:${pathText(info)}:${value.kind}`));
    const name = random.below(300) < trouble ? random.pick(['Query', 'Level', 'Nobody', undefined]) : value.kind;
    return random.below(200) < waiting ? Promise.resolve(name) : (name as string);
  },
});

const must = (type: GraphQLOutputType) => new GraphQLNonNull(type as never);
const list = (type: GraphQLOutputType) => new GraphQLList(type);

function objectType(name: string, isTypeOf?: 'sync' | 'async'): GraphQLObjectType {
  return new GraphQLObjectType({
    name,
    interfaces: name === 'C' ? [Named] : [Named, Rated],
    ...(isTypeOf && {
      isTypeOf(value: { kind?: string }, { seed, trouble }: WorldContext, info) {
        const isOne = value.kind === name && hashOf(`${seed}:${pathText(info)}`) % 400 >= trouble;
        return isTypeOf === 'async' ? Promise.resolve(isOne) : isOne;
      },
    }),
    fields: () => fieldsOf(),
  });
}

const A = objectType('A');
const B = objectType('B', 'sync');
const C = objectType('C', 'async');
const Thing = new GraphQLUnionType({ name: 'Thing', types: [A, B, C] });

type Fields = Record<string, GraphQLFieldConfig<unknown, WorldContext>>;

function fieldsOf(): Fields {
  return {
    // Plain columns: members of the source, some of them methods.
    id: { type: new GraphQLNonNull(GraphQLID) },
    name: { type: GraphQLString, resolve: (source) => (source as { name: unknown }).name },
    method: { type: GraphQLString, args: { times: { type: GraphQLInt, defaultValue: 1 } } },
    exact: { type: Exact },
    ...computed({
      count: GraphQLInt,
      ratio: GraphQLFloat,
      flag: must(GraphQLBoolean),
      level: Level,
      json: Json,
      picky: Picky,
      mustPicky: must(Picky),
      numbers: list(list(must(GraphQLInt))),
      levels: must(list(must(Level))),
      a: A,
      mustB: must(B),
      c: C,
      as: list(A),
      mustAs: must(list(must(A))),
      bs: list(list(must(B))),
      thing: Thing,
      things: list(must(Thing)),
      named: must(Named),
      rated: Rated,
      rateds: must(list(Rated)),
    }),
    echo: {
      type: GraphQLString,
      args: {
        int: { type: GraphQLInt, defaultValue: 3 },
        text: { type: GraphQLString },
        options: { type: Options },
        list: { type: new GraphQLList(new GraphQLNonNull(GraphQLInt)) },
        json: { type: Json },
        picky: { type: Picky },
        exact: { type: Exact },
      },
      resolve: (_, args) => JSON.stringify(args, (__, value) => (value instanceof JsonNumber ? value.text : value)),
    },
    info: {
      type: GraphQLString,
      resolve: (_, __, ___, info) =>
        [info.fieldName, pathText(info), info.parentType.name, info.returnType, Object.keys(info.fragments)].join('|'),
    },
    // Takes what it does not name.
    unnamed: {
      type: GraphQLString,
      resolve(...all: unknown[]) {
        return `${all.length} ${pathText(all[3] as GraphQLResolveInfo)}`;
      },
    },
  };
}

function computed(types: Record<string, GraphQLOutputType>): Fields {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [
      name,
      { type, resolve: (_, __, ctx, info) => answer(type, ctx, pathText(info)) },
    ]),
  );
}

/** What a resolver answers at a place. */
function answer(type: GraphQLOutputType, ctx: WorldContext, place: string): unknown {
  const random = randomFrom(hashOf(`${ctx.seed}:${place}`));
  const outcome = () => {
    if (random.below(100) < ctx.trouble) return trouble(random, place);
    return somethingOf(type, ctx, random, place);
  };
  if (random.below(100) >= ctx.waiting) return outcome();
  const turns = random.below(6);
  return turnsLater(turns).then(outcome);
}

async function turnsLater(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function trouble(random: Random, place: string): unknown {
  switch (random.below(6)) {
    case 0:
      throw new Error(`thrown at ${place}`);
    case 1:
      return new Error(`answered at ${place}`);
    case 2:
      return null;
    case 3:
      return undefined;
    case 4:
      throw Object.assign(new Error('with more'), { extensions: { code: place } });
    default:
      // Not what the type says.
      return random.pick(['text', 1.5, Number.NaN, {}, [], Symbol.iterator.toString()]);
  }
}

function somethingOf(type: GraphQLOutputType, ctx: WorldContext, random: Random, place: string): unknown {
  if (isNonNullType(type)) return somethingOf(type.ofType, ctx, random, place);
  if (isListType(type)) {
    const isLong = isLeafType(getNamedType(type)) && random.chance(0.02);
    const length = isLong ? 400 : random.below(4);
    const items = Array.from({ length }, (_, index) => answerItem(type.ofType, ctx, `${place}.${index}`));
    return random.chance(0.1) ? new Set(items) : items;
  }
  switch (type) {
    case GraphQLInt:
      return random.pick([0, -1, 2 ** 31 - 1, 2 ** 31, '12', 1.5, true]);
    case GraphQLFloat:
      return random.pick([0, -0, 1.5, 1e21, 1e-7, Number.POSITIVE_INFINITY, '2.5']);
    case GraphQLBoolean:
      return random.pick([true, false, 1, 0]);
    case Level:
      return random.pick([1, 'h', 'h', undefined, 'no level']);
    case Json:
      return random.pick([1, 'text', [1, [null]], { a: { b: 1 } }, new RawJson('{"raw":18446744073709551615}'), false]);
    case Picky:
      return random.pick(['fine', 'refused', 'nothing', ...TRICKY]);
    case Thing:
    case Named:
    case Rated:
      return sourceOf(random.pick(['A', 'B', 'C']), random, place);
    default:
      return sourceOf((type as GraphQLObjectType).name, random, place);
  }
}

/** An item of a list, which may be a promise as well. */
function answerItem(type: GraphQLOutputType, ctx: WorldContext, place: string): unknown {
  try {
    const item = answer(type, { ...ctx, waiting: ctx.waiting / 4, trouble: ctx.trouble / 2 }, place);
    // One that the list never gets to must not end the process.
    if (item instanceof Promise) item.catch(() => {});
    return item;
  } catch (error) {
    return error;
  }
}

function sourceOf(kind: string, random: Random, place: string): object {
  return {
    __typename: kind,
    kind,
    id: random.chance(0.03) ? null : random.pick([place, 12, 9_007_199_254_740_991n.toString(), ...TRICKY]),
    name: random.pick([...TRICKY, null, undefined, place, Promise.resolve(place), new Error('a name')]),
    exact: random.pick([18_446_744_073_709_551_615n, -9_223_372_036_854_775_808n, new JsonNumber('1.0e2'), 5, null]),
    method(args: { times: number }, _: unknown, info: GraphQLResolveInfo) {
      return `${pathText(info)}${'x'.repeat(Math.min(Math.max(args.times ?? 0, 0), 5))}`;
    },
  };
}

export function pathText(info: GraphQLResolveInfo): string {
  const keys: (string | number)[] = [];
  for (let place: GraphQLResolveInfo['path'] | undefined = info.path; place; place = place.prev) keys.push(place.key);
  return keys.reverse().join('.');
}

const Query = new GraphQLObjectType({ name: 'Query', fields: fieldsOf });
const Mutation = new GraphQLObjectType({ name: 'Mutation', fields: fieldsOf });
export const world = new GraphQLSchema({ query: Query, mutation: Mutation, types: [A, B, C] });
