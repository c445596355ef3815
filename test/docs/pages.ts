// The Markdown files of the repository: their fenced blocks and their headings, as GitHub shows them.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What nobody wrote by hand, or nobody keeps. */
const ELSEWHERE = new Set(['node_modules', '.git', 'dist', 'data', 'coverage', 'results', '.test-dist']);

export interface Block {
  language: string;
  text: string;
  /** The heading that it stands under. */
  section: string;
}

/** Every Markdown file, by its path from the root. */
export function markdownFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (ELSEWHERE.has(entry.name)) return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return markdownFiles(path);
      return entry.name.endsWith('.md') ? [relative(ROOT, path)] : [];
    })
    .sort();
}

export function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** The fenced blocks of a page in their order. */
export function blocksOf(page: string): Block[] {
  return parse(read(page)).blocks;
}

/** What stands behind `#` in links to the headings of a page. */
export function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return parse(read(page)).headings.map((heading) => {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

/** A page without its fenced blocks and inline code: what can hold links. */
export function proseOf(page: string): string {
  return parse(read(page)).prose.replace(/`[^`\n]*`/g, '');
}

/** The commands of a page, or of some of its sections, as they are pasted into a shell one after another. */
export function commandsOf(page: string, ...sections: string[]): string {
  const blocks = blocksOf(page).filter(({ language }) => language === 'sh');
  for (const section of sections) {
    if (!blocks.some((block) => block.section === section)) throw new Error(`${page}: no commands under ${section}`);
  }
  return blocks
    .filter(({ section }) => sections.length === 0 || sections.includes(section))
    .map(({ text }) => text)
    .join('');
}

function parse(text: string): { blocks: Block[]; headings: string[]; prose: string } {
  const blocks: Block[] = [];
  const headings: string[] = [];
  const prose: string[] = [];
  let open: Block | undefined;
  for (const line of text.split('\n')) {
    const fence = /^ {0,3}```(.*)$/.exec(line);
    if (open) {
      if (fence) open = undefined;
      else open.text += `${line}\n`;
    } else if (fence) {
      open = { language: fence[1]?.trim() ?? '', text: '', section: headings.at(-1) ?? '' };
      blocks.push(open);
    } else {
      const heading = /^#{1,6} (.*)$/.exec(line)?.[1];
      if (heading !== undefined) headings.push(heading);
      prose.push(line);
    }
  }
  if (open) throw new Error('a fenced block does not end');
  return { blocks, headings, prose: prose.join('\n') };
}
