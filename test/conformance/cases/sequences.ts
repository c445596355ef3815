// Random sequences of requests, compared after each with a model of what the contract says. What differs is shrunk to the
// fewest requests that show it.
import fc from 'fast-check';
import { type Json, member, parseStrict } from '../json/strict.js';
import type { Secrets } from '../target/secrets.js';
import { refusal, secret } from '../verdict/expected.js';
import type { Trial } from '../verdict/trial.js';
import type { Case } from './case.js';
import { holdsForAll } from './random.js';

interface Known {
  id: string;
  name: string;
  typeIndex: number;
  revision: number;
  value: Json;
  isDeleted: boolean;
}
/** What should be there, in the order in which it was made. */
interface Model {
  known: Known[];
}
interface Real {
  t: Trial;
  secrets: Secrets;
  first: string;
}
type Command = fc.AsyncCommand<Model, Real>;

const TYPES = [
  { typeText: '{"type":"Str"}', good: ['"a"', '"b"', '""'], bad: '7' },
  { typeText: '{"type":"U64"}', good: ['0', '9007199254740993', '18446744073709551615'], bad: '-1' },
  { typeText: '{"type":"Option","inner":{"type":"Bool"}}', good: ['null', 'true', 'false'], bad: '0' },
] as const;
const NAMES = ['apiKey', 'api_key', 'port', 'a_b_c', 'aBC'];
const CANONICAL: Record<string, string> = {
  apiKey: 'apiKey',
  api_key: 'apiKey',
  port: 'port',
  a_b_c: 'aBC',
  aBC: 'aBc',
};

const typeAt = (index: number) => TYPES[index] as (typeof TYPES)[number];
/** A secret of the model, living or not; undefined while there is none. */
const pick = (model: Model, index: number) => model.known[index % Math.max(1, model.known.length)];
const mismatch = refusal(400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');

function shown({ first }: Real, known: Known) {
  const { id, name, revision, value, typeIndex } = known;
  return secret({ id, path: [first, name], revision, value, type: parseStrict(typeAt(typeIndex).typeText) });
}

function create(spelled: string, typeIndex: number, valueIndex: number): Command {
  return {
    check: () => true,
    async run(model: Model, real: Real) {
      const { typeText, good, bad } = typeAt(typeIndex);
      const name = CANONICAL[spelled] as string;
      const isBad = valueIndex === good.length;
      const valueText = isBad ? bad : (good[valueIndex] as string);
      const body = `{"path":["${real.first}","${spelled}"],"secretType":${typeText},"secretValue":${valueText}}`;
      const answer = await real.secrets.create(real.t, body);
      const isTaken = model.known.some((one) => !one.isDeleted && one.name === name);
      if (isBad) real.t.expect(answer, mismatch);
      else if (isTaken) real.t.expect(answer, refusal(409, 'AGENT_SECRET_ALREADY_EXISTS'));
      else {
        const id = member(answer.json, 'id');
        const made = { id: typeof id === 'string' ? id : '', name, typeIndex, revision: 0 };
        const known = { ...made, value: parseStrict(valueText), isDeleted: false };
        real.t.expect(answer, shown(real, known));
        const isNew = model.known.every((one) => one.id !== known.id);
        real.t.must(isNew, 'an id of its own', 'one that another secret has', answer);
        model.known.push(known);
      }
    },
    toString: () =>
      `create ${spelled} ${typeAt(typeIndex).typeText} ${[...typeAt(typeIndex).good, 'misfit'][valueIndex]}`,
  };
}

function update(index: number, stale: number, changeIndex: number): Command {
  return {
    check: (model: Readonly<Model>) => model.known.length > 0,
    async run(model: Model, real: Real) {
      const known = pick(model, index) as Known;
      const { good, bad } = typeAt(known.typeIndex);
      const set = (value: string) => `,"secretValue":{"op":"set","value":${value}}`;
      const changes = ['', ',"secretValue":{"op":"unset"}', ...good.map(set), set(bad)];
      const change = changes[changeIndex] as string;
      const body = `{"currentRevision":${known.revision + stale}${change}}`;
      const answer = await real.secrets.update(real.t, known.id, body);
      if (known.isDeleted) real.t.expect(answer, refusal(404, 'AGENT_SECRET_NOT_FOUND'));
      else if (stale !== 0) real.t.expect(answer, refusal(409, 'CONCURRENT_UPDATE'));
      else if (changeIndex === changes.length - 1) real.t.expect(answer, mismatch);
      else {
        known.revision += 1;
        if (changeIndex === 1) known.value = null;
        if (changeIndex > 1) known.value = parseStrict(good[changeIndex - 2] as string);
        real.t.expect(answer, shown(real, known));
      }
    },
    toString: () =>
      `update #${index} at ${stale === 0 ? 'its revision' : 'a stale one'}: ${['keep', 'unset', 'set 1st', 'set 2nd', 'set 3rd', 'misfit'][changeIndex]}`,
  };
}

function remove(index: number, stale: number): Command {
  return {
    check: (model: Readonly<Model>) => model.known.length > 0,
    async run(model: Model, real: Real) {
      const known = pick(model, index) as Known;
      const answer = await real.secrets.remove(real.t, known.id, known.revision + stale);
      if (known.isDeleted) real.t.expect(answer, refusal(404, 'AGENT_SECRET_NOT_FOUND'));
      else if (stale !== 0) real.t.expect(answer, refusal(409, 'CONCURRENT_UPDATE'));
      else {
        known.revision += 1;
        real.t.expect(answer, shown(real, { ...known, value: null }), { number: 5, golem: shown(real, known) });
        known.isDeleted = true;
        known.value = null;
      }
    },
    toString: () => `delete #${index} at ${stale === 0 ? 'its revision' : 'a stale one'}`,
  };
}

function read(index: number): Command {
  return {
    check: (model: Readonly<Model>) => model.known.length > 0,
    async run(model: Model, real: Real) {
      const known = pick(model, index) as Known;
      const answer = await real.secrets.get(real.t, known.id);
      real.t.expect(answer, known.isDeleted ? refusal(404, 'AGENT_SECRET_NOT_FOUND') : shown(real, known));
    },
    toString: () => `get #${index}`,
  };
}

function list(): Command {
  return {
    check: () => true,
    async run(model: Model, real: Real) {
      const answer = await real.secrets.list(real.t);
      const own = real.secrets.own(answer, real.first);
      // The names are ASCII, so code units are bytes.
      const living = model.known.filter(({ isDeleted }) => !isDeleted).sort((a, b) => (a.name < b.name ? -1 : 1));
      real.t.must(own.length === living.length, `${living.length} secrets in the list`, `${own.length}`, answer);
      for (const [index, known] of living.entries()) {
        real.t.expect({ ...answer, json: own[index] as Json }, shown(real, known));
      }
    },
    toString: () => 'list',
  };
}

const stale = fc.constantFrom(0, 0, 0, 1, 5);
const commands = fc.commands(
  [
    fc.tuple(fc.constantFrom(...NAMES), fc.nat(2), fc.nat(3)).map((of) => create(...of)),
    fc.tuple(fc.nat(9), stale, fc.nat(5)).map((of) => update(...of)),
    fc.tuple(fc.nat(9), stale).map((of) => remove(...of)),
    fc.nat(9).map((index) => read(index)),
    fc.constant(list()),
  ],
  { maxCommands: 30, size: 'max' },
);

export const SEQUENCES: readonly Case[] = [
  {
    id: 'sequences/model',
    section: '1, 2, 5, 7',
    title: 'Whatever the sequence of requests, each answer is the one that a model of the contract gives',
    async run(t, surroundings) {
      const { secrets } = surroundings;
      const check = (sequence: Iterable<Command>): Promise<void> => {
        const setup = () => ({ model: { known: [] } as Model, real: { t, secrets, first: secrets.place() } });
        return fc.asyncModelRun(setup, sequence).finally(() => secrets.release(t));
      };
      await holdsForAll(surroundings, commands, check, (sequence) => `at the end of: ${sequence}`);
    },
  },
];
