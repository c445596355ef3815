// Writers at the same time: exactly one wins, and the others are told so.
import { member, Num } from '../json/strict.js';
import type { Answer } from '../target/http.js';
import { codeOf, secret } from '../verdict/expected.js';
import type { Trial } from '../verdict/trial.js';
import { type Case, STR } from './case.js';

const WRITERS = 8;
const ROUNDS = 5;

const told = (answers: readonly Answer[]) =>
  answers.map((answer) => (answer.status === 200 ? '200' : `${answer.status} ${codeOf(answer)}`)).join(', ');

/** One of them is 200, every other one has this code. */
function expectOneWinner(t: Trial, answers: readonly Answer[], code: string): Answer {
  const winners = answers.filter(({ status }) => status === 200);
  const losers = answers.filter((answer) => answer.status === 409 && codeOf(answer) === code);
  const isRight = winners.length === 1 && losers.length === answers.length - 1;
  t.must(isRight, `one 200, every other one 409 ${code}`, told(answers), winners[1] ?? answers[0]);
  return winners[0] as Answer;
}

export const RACES: readonly Case[] = [
  {
    id: 'races/updates',
    section: '7',
    title: 'Of several updates that name the same revision exactly one succeeds, and its value is kept',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      for (let revision = 0; revision < ROUNDS; revision += 1) {
        const writes = Array.from({ length: WRITERS }, (_, writer) => {
          const value = `"value ${revision} of ${writer}"`;
          return secrets.update(t, id, `{"currentRevision":${revision},"secretValue":{"op":"set","value":${value}}}`);
        });
        const winner = expectOneWinner(t, await Promise.all(writes), 'CONCURRENT_UPDATE');
        const value = member(winner.json, 'secretValue') ?? null;
        t.expect(await secrets.get(t, id), secret({ revision: revision + 1, value }));
      }
    },
  },
  {
    id: 'races/creates',
    section: '7',
    title: 'Of several creates of one path, however it is spelled, exactly one succeeds',
    async run(t, { secrets }) {
      for (let round = 0; round < ROUNDS; round += 1) {
        const first = secrets.place();
        const writes = Array.from({ length: WRITERS }, (_, writer) => {
          const name = ['same_path', 'samePath', 'same-path', 'Same Path'][writer % 4];
          return secrets.create(t, `{"path":["${first}","${name}"],${STR}}`);
        });
        const winner = expectOneWinner(t, await Promise.all(writes), 'AGENT_SECRET_ALREADY_EXISTS');
        t.expect(winner, secret({ path: [first, 'samePath'], revision: 0 }));
      }
    },
  },
  {
    id: 'races/deletes',
    section: '7',
    title: 'Of several deletes exactly one succeeds; the others conflict, or find nothing any more',
    async run(t, { secrets }) {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { id } = await secrets.made(t);
        const answers = await Promise.all(Array.from({ length: WRITERS }, () => secrets.remove(t, id, 0)));
        const winners = answers.filter(({ status }) => status === 200);
        const losers = answers.filter((answer) =>
          ['CONCURRENT_UPDATE', 'AGENT_SECRET_NOT_FOUND'].includes(codeOf(answer) ?? ''),
        );
        const isRight = winners.length === 1 && losers.length === WRITERS - 1;
        t.must(isRight, 'one 200, every other one 409 or 404', told(answers), winners[1] ?? answers[0]);
      }
    },
  },
  {
    id: 'races/updates-and-deletes',
    section: '7',
    title: 'Whatever updates and deletes do to one secret at once, each success is one revision of its own',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const writer = async (seed: number): Promise<number[]> => {
        const won: number[] = [];
        for (let turn = 0; turn < ROUNDS * 2; turn += 1) {
          const read = await secrets.get(t, id);
          const revision = member(read.json, 'revision');
          if (!(revision instanceof Num)) return won;
          const isLast = turn === ROUNDS * 2 - 1 && seed === 0;
          const answer = isLast
            ? await secrets.remove(t, id, revision.text)
            : await secrets.update(t, id, `{"currentRevision":${revision.text}}`);
          const next = member(answer.json, 'revision');
          if (answer.status === 200 && next instanceof Num) won.push(Number(next.text));
        }
        return won;
      };
      const won = (await Promise.all(Array.from({ length: 4 }, (_, seed) => writer(seed))))
        .flat()
        .sort((a, b) => a - b);
      t.must(won.length > 0, 'an update that succeeds', 'none');
      const wanted = won.map((_, index) => index + 1).join();
      t.must(won.join() === wanted, `the revisions ${wanted}, each once`, won.join());
    },
  },
  {
    id: 'races/path-freed',
    section: '8.17',
    title: 'Creates and deletes of one path at once: a create succeeds, finds the path taken, or has lost a race',
    async run(t, { secrets }) {
      const path = secrets.place();
      const writer = async () => {
        for (let turn = 0; turn < ROUNDS; turn += 1) {
          const answer = await secrets.create(t, `{"path":["${path}"],${STR}}`);
          const code = codeOf(answer);
          const isFine =
            answer.status === 200 || code === 'AGENT_SECRET_ALREADY_EXISTS' || code === 'CONCURRENT_UPDATE';
          t.must(isFine, '200, AGENT_SECRET_ALREADY_EXISTS or CONCURRENT_UPDATE', told([answer]), answer);
          if (answer.status === 200)
            t.expect(await secrets.remove(t, member(answer.json, 'id') as string, 0), secret({ revision: 1 }));
        }
      };
      await Promise.all(Array.from({ length: 4 }, writer));
    },
  },
];
