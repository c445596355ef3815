// What a run has found, as text for people and as JSON for programs.
import type { Answer } from '../target/http.js';
import type { DeclaredDifference, Difference, Profile } from './trial.js';

export type Outcome = 'conforms' | 'declared' | 'differs' | 'skipped';

export interface CaseResult {
  id: string;
  section: string;
  title: string;
  outcome: Outcome;
  declared: DeclaredDifference[];
  difference?: Difference;
}

export interface Report {
  target: string;
  environmentId: string;
  profile: Profile;
  seed: number;
  effort: number;
  results: CaseResult[];
  requests: number;
  seconds: number;
  /** Secrets that the kit has made and could not remove. */
  leftOver: number;
}

export type Counts = Record<Outcome, number> & { cases: number };

export function countsOf({ results }: Report): Counts {
  const counts: Counts = { cases: results.length, conforms: 0, declared: 0, differs: 0, skipped: 0 };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
}

/** 0: nothing differs, or only as declared. 1: something differs, with `strict` also as declared; or something is left over. */
export function exitCodeOf(report: Report, { strict }: { strict: boolean }): 0 | 1 {
  const { differs, declared } = countsOf(report);
  return differs > 0 || report.leftOver > 0 || (strict && declared > 0) ? 1 : 0;
}

const SHOWN = 600;
const cut = (text: string) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text);

export function printText(report: Report): string {
  const { results, seed, requests, seconds, leftOver, profile, target } = report;
  const lines: string[] = [`${target}, profile ${profile}, environment ${report.environmentId}`, ''];
  for (const { id, section, title, difference } of results) {
    if (!difference) continue;
    lines.push(`DIFFERS ${id} (section ${section}): ${title}`);
    lines.push(`  expected: ${cut(difference.wants)}`, `  got:      ${cut(difference.got)}`);
    if (difference.answer) lines.push(...exchangeOf(difference.answer).map((line) => `  ${line}`));
    lines.push('');
  }
  for (const [number, { ids, wants, got }] of declaredOf(results)) {
    lines.push(`differs as declared in 8.${number}: ${ids.join(', ')}`);
    lines.push(`  expected: ${cut(wants)}`, `  got:      ${cut(got)}`, '');
  }
  const { cases, conforms, declared, differs, skipped } = countsOf(report);
  lines.push(
    `${cases} cases: ${conforms} conform, ${declared} differ as declared, ${differs} differ, ${skipped} skipped.`,
    `${requests} requests in ${seconds.toFixed(1)} s, seed ${seed}, ${leftOver} secrets left over.`,
  );
  return `${lines.join('\n')}\n`;
}

function exchangeOf({ sent, status, headers, text }: Answer): string[] {
  const body = sent.body === undefined ? '' : ` ${typeof sent.body === 'string' ? sent.body : '(bytes)'}`;
  return [
    `request:  ${cut(`${sent.method} ${sent.path}${body}`)}`,
    `answer:   ${cut(`${status} ${headers['content-type'] ?? ''} ${text}`)}`,
  ];
}

function declaredOf(results: readonly CaseResult[]): [number, { ids: string[]; wants: string; got: string }][] {
  const byNumber = new Map<number, { ids: string[]; wants: string; got: string }>();
  for (const { id, declared } of results) {
    for (const { number, wants, got } of declared) {
      const known = byNumber.get(number);
      if (known) known.ids.push(id);
      else byNumber.set(number, { ids: [id], wants, got });
    }
  }
  return [...byNumber].sort(([one], [other]) => one - other);
}

export function printJson(report: Report): string {
  const { results, ...about } = report;
  const cases = results.map(({ difference, ...result }) => ({
    ...result,
    ...(difference
      ? {
          expected: difference.wants,
          got: difference.got,
          ...(difference.answer ? { exchange: exchangeOf(difference.answer) } : {}),
        }
      : {}),
  }));
  return `${JSON.stringify({ ...about, counts: countsOf(report), cases }, null, 2)}\n`;
}
