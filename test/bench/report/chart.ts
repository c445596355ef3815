// Draws the report as a chart with a bar for each target, the range of its rounds, and the value that it has to reach.

import { barText } from './bars.js';
import type { Bar, Report, Result } from './report.js';

interface Row {
  label: string;
  isOurs: boolean;
  /** The value is on the scale of its section. */
  value: number;
  spread: [from: number, to: number];
  marks: { at: number; met: boolean; isPeers: boolean }[];
  text: string;
}
interface Section {
  title: string;
  /** The scale goes from 0 to this value. At 1, a line crosses all bars. */
  scale: number;
  groups: { title: string; rows: Row[] }[];
}

const WIDTH = 960;
const LEFT = 250;
const BARS = 400;
const ROW = 22;
const HEAD = 28;
const MARGIN = 20;
/** Longer bars are cut off at this value, because the numbers beside them tell the rest. */
const MOST_SHOWN = 2;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px } .group { font-weight: 600 } .quiet { fill: #656d76 } .number { text-anchor: end }
  .page { fill: #ffffff } .ours { fill: #4f83cc } .other { fill: #a8b0ba } .line { stroke: #d0d7de } .spread { stroke: #1f2328 }
  .met { stroke: #1a7f37; fill: #1a7f37 } .unmet { stroke: #cf222e; fill: #cf222e } text.met, text.unmet { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #8d96a0 } .page { fill: #0d1117 } .ours { fill: #3a6ab0 } .other { fill: #58606a }
    .line { stroke: #3d444d } .spread { stroke: #e6edf3 } .met { stroke: #3fb950; fill: #3fb950 } .unmet { stroke: #f85149; fill: #f85149 }
  }`;

export function chart(report: Report): string {
  const sections = [ratesIn(report), limitsIn(report)].filter(({ groups }) => groups.length > 0);
  const drawn: string[] = [];
  let y = MARGIN;
  const line = (text: string, kind: string, height: number) => {
    drawn.push(`<text x="${MARGIN}" y="${y + height - 8}" class="${kind}">${escaped(text)}</text>`);
    y += height;
  };
  const { date, machine, settings } = report;
  line('Agent secrets gateway: npm run bench', 'title', HEAD);
  line(
    `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores · Node ${machine.node} · ${settings.rounds} ×  ${settings.seconds} s, ${settings.connections} connections`,
    'quiet',
    ROW,
  );
  line(
    'Bars: medians. Thin lines: from the lowest to the highest round. Marks: what is to be reached (dashed: against PostGraphile).',
    'quiet',
    ROW,
  );
  for (const { title, scale, groups } of sections) {
    line(title, 'title', HEAD + 10);
    const top = y;
    const x = (value: number) => round(LEFT + (Math.min(value, scale) / scale) * BARS);
    const rows: string[] = [];
    for (const group of groups) {
      if (group.title) {
        rows.push(`<text x="${MARGIN}" y="${y + 16}" class="group">${escaped(group.title)}</text>`);
        y += ROW;
      }
      for (const row of group.rows) {
        rows.push(...drawnRow(row, x, y));
        y += ROW;
      }
    }
    drawn.push(`<line x1="${x(1)}" x2="${x(1)}" y1="${top}" y2="${y}" class="line"/>`, ...rows);
  }
  const height = y + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>${STYLE}
</style>
<rect width="${WIDTH}" height="${height}" class="page"/>
${drawn.join('\n')}
</svg>
`;
}

function drawnRow({ label, isOurs, value, spread: [from, to], marks, text }: Row, x: (n: number) => number, y: number) {
  const middle = y + ROW / 2;
  const met = marks.length === 0 ? '' : marks.every(({ met }) => met) ? 'met' : 'unmet';
  return [
    `<text x="${LEFT - 10}" y="${middle + 4}" class="number">${escaped(label)}</text>`,
    `<rect x="${LEFT}" y="${y + 4}" width="${round(x(value) - LEFT)}" height="${ROW - 8}" rx="2" class="${isOurs ? 'ours' : 'other'}"/>`,
    `<line x1="${x(from)}" x2="${x(to)}" y1="${middle}" y2="${middle}" class="spread"/>`,
    ...marks.map(({ at, met, isPeers }) => {
      const dashes = isPeers ? ' stroke-dasharray="3 2"' : '';
      return `<line x1="${x(at)}" x2="${x(at)}" y1="${y + 1}" y2="${y + ROW - 1}" stroke-width="2.5"${dashes} class="${met ? 'met' : 'unmet'}"/>`;
    }),
    `<text x="${LEFT + BARS + 10}" y="${middle + 4}" class="${met}">${escaped(met ? `${met === 'met' ? '✓' : '✗'} ${text}` : text)}</text>`,
  ];
}

/** Shows requests per second relative to the floor's. */
function ratesIn({ results, bars }: Report): Section {
  const rates = results.filter(({ kind }) => kind === 'rate');
  const groups = [...new Set(rates.map(({ scenario }) => scenario))].map((scenario) => {
    const members = rates.filter((result) => result.scenario === scenario);
    const base = members.find(({ server }) => server === 'floor' || server === 'bare');
    const peer = members.find(({ server }) => server === 'peer');
    const shown = members.filter(({ median }) => median.ofFloor !== null);
    return {
      title: base?.server === 'bare' ? `${scenario}: × ${base.target}` : scenario,
      rows: shown.map((result) => rateRow(result, barsOn(result, bars), peer?.median.ofFloor ?? Number.NaN)),
    };
  });
  const ends = groups.flatMap(({ rows }) =>
    rows.flatMap(({ spread, marks }) => [spread[1], ...marks.map(({ at }) => at)]),
  );
  return {
    title: 'Requests per second: × floor, which is the line',
    scale: Math.min(Math.max(1, ...ends), MOST_SHOWN) * 1.05,
    groups: groups.filter(({ rows }) => rows.length > 0),
  };
}

function rateRow({ target, server, median, rounds }: Result, bars: readonly Bar[], peer: number): Row {
  const marks = bars.map(({ wanted, figure, met }) => {
    const isPeers = figure === 'ofPeer';
    const limit = 'atLeast' in wanted ? wanted.atLeast : wanted.below;
    return { at: isPeers ? limit * peer : limit, met: met === true, isPeers };
  });
  const beside = bars.map(
    (bar) => `${bar.figure === 'ofPeer' ? `, ${bar.measured?.toFixed(2)}` : ''} (${barText(bar)})`,
  );
  return {
    label: target,
    isOurs: server === 'service',
    value: median.ofFloor as number,
    spread: spreadOf(rounds.flatMap(({ ofFloor }) => ofFloor ?? [])),
    marks,
    text: `${median.ofFloor?.toFixed(2)}${beside.join('')}`,
  };
}

function barsOn({ scenario, target }: Result, bars: readonly Bar[]): Bar[] {
  return bars.filter((bar) => bar.scenario === scenario && bar.target === target && bar.measured !== null);
}

/** Shows latencies, delays and memory relative to their limits. */
function limitsIn({ bars }: Report): Section {
  const rows = bars.flatMap((bar): Row[] => {
    if (!('below' in bar.wanted) || bar.measured === null) return [];
    const limit = bar.wanted.below;
    const [from, to] = spreadOf(bar.rounds);
    const digits = bar.measured < 10 ? 1 : 0;
    return [
      {
        label: bar.name,
        isOurs: true,
        value: bar.measured / limit,
        spread: [from / limit, to / limit],
        marks: [{ at: 1, met: bar.met === true, isPeers: false }],
        text: `${bar.measured.toFixed(digits)} ${bar.unit} (${barText(bar)})`,
      },
    ];
  });
  return {
    title: 'Latency and memory, as shares of what they may be',
    scale: MOST_SHOWN,
    groups: rows.length > 0 ? [{ title: '', rows }] : [],
  };
}

function spreadOf(numbers: readonly number[]): [number, number] {
  return [Math.min(...numbers), Math.max(...numbers)];
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
