// One case under way: it asks the target, compares answers with what is expected, and notes what differs as declared.
import type { Answer, Http, Sent } from '../target/http.js';
import { type Expected, JSON_TYPE, shapeProblem } from './expected.js';

export type Profile = 'contract' | 'golem-1.5.9';

/** How the original answers where the contract departs from it, and the number of that in section 8. */
export interface Declared {
  number: number;
  golem: Expected;
}

/** The target has answered something that neither the contract nor a declared difference allows. */
export class Difference extends Error {
  readonly wants: string;
  readonly got: string;
  readonly answer: Answer | undefined;

  constructor(wants: string, got: string, answer?: Answer) {
    super(`expected ${wants}; got ${got}`);
    this.wants = wants;
    this.got = got;
    this.answer = answer;
  }
}

/** The target has not answered at all. */
export class NoAnswer extends Difference {
  constructor(got: string) {
    super('an answer', got);
  }
}

export interface DeclaredDifference {
  number: number;
  wants: string;
  got: string;
}

/** Values of the cases that look for quotes have this in them, so that an error which quotes one is found. */
export const MARK = 'c0nform-value';

/** Statuses that an answer may have; a 410 makes the original's tools stop for good. */
const STATUSES = [200, 302, 304, 400, 401, 403, 404, 405, 409, 413, 415, 422];

export class Trial {
  readonly profile: Profile;
  readonly declared = new Map<number, DeclaredDifference>();
  private readonly http: Http;

  constructor(http: Http, profile: Profile) {
    this.http = http;
    this.profile = profile;
  }

  /** Asks the target. What holds for every answer is checked at once. */
  async send(sent: Sent): Promise<Answer> {
    let answer: Answer;
    try {
      answer = await this.http.send(sent);
    } catch (error) {
      throw new NoAnswer(`${sent.method} ${sent.path}: ${(error as Error).message}`);
    }
    this.checkEvery(answer);
    return answer;
  }

  /** Compares; returns the answer for more. With `declared`, an answer as the original gives it is noted, and is no fault. */
  expect(answer: Answer, contract: Expected, declared?: Declared): Answer {
    const isOriginal = this.profile === 'golem-1.5.9';
    const wanted = isOriginal && declared ? declared.golem : contract;
    const problem = wanted.mismatch(answer);
    if (problem === undefined) return answer;
    const other = declared && (isOriginal ? contract : declared.golem);
    if (!other || other.mismatch(answer) !== undefined) throw new Difference(wanted.wants, problem, answer);
    this.declare(declared.number, wanted.wants, problem);
    return answer;
  }

  /** Fails the case unless this holds, for what is told by several answers together. */
  must(holds: boolean, wants: string, got: string, answer?: Answer): void {
    if (!holds) throw new Difference(wants, got, answer);
  }

  private declare(number: number, wants: string, got: string): void {
    if (!this.declared.has(number)) this.declared.set(number, { number, wants, got });
  }

  /** What the contract says of all answers, whatever the request. */
  private checkEvery(answer: Answer): void {
    const { status, headers, text, unreadable } = answer;
    if (!STATUSES.includes(status)) throw new Difference('a documented status', `status ${status}`, answer);
    if (status === 302 || status === 304 || text === '') return;
    const isOriginalText =
      (headers['content-type'] ?? '').startsWith('text/plain') && [400, 401, 404, 405, 415].includes(status);
    if (isOriginalText) {
      if (this.profile === 'contract') this.declare(1, 'a JSON body', `${status} in plain text`);
    } else {
      if (headers['content-type'] !== JSON_TYPE) {
        throw new Difference(`content-type ${JSON_TYPE}`, headers['content-type'] ?? 'none', answer);
      }
      if (unreadable !== undefined) throw new Difference('a body that strict clients can read', unreadable, answer);
    }
    if (status === 200) return;
    const shape = isOriginalText ? undefined : shapeProblem(answer);
    if (shape !== undefined) throw new Difference('an error with the documented body', shape, answer);
    if (text.includes(MARK)) {
      if (this.profile === 'contract') this.declare(4, 'an error that quotes no value', 'a part of the value');
    }
  }
}
