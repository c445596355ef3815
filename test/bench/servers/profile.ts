// Tells where a server spends its time: the self time of each function in V8's profiles.
import { readFile } from 'node:fs/promises';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

interface Share {
  place: string;
  share: number;
}

/** Lists the shares of the active time, largest first, by function and by package or source file. */
async function sharesIn(file: string): Promise<{ functions: Share[]; modules: Share[] }> {
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const children = new Map(nodes.map(({ id, children }) => [id, children ?? []]));
  // Starting and stopping the profiler also takes time.
  const forget = (id: number) => {
    frames.delete(id);
    children.get(id)?.forEach(forget);
  };
  for (const { id, callFrame } of nodes) if (callFrame.url === 'node:inspector') forget(id);
  const functions = new Map<string, number>();
  const modules = new Map<string, number>();
  let busy = 0;
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (!frame || frame.functionName === '(idle)') return;
    const micros = timeDeltas[index] ?? 0;
    const module = moduleOf(frame.url) || frame.functionName;
    const place = frame.url
      ? `${frame.functionName || '(anonymous)'} ${module}:${frame.lineNumber + 1}`
      : frame.functionName;
    busy += micros;
    functions.set(place, (functions.get(place) ?? 0) + micros);
    const group = frame.url ? module : frame.functionName.startsWith('(') ? frame.functionName : '(native)';
    modules.set(group, (modules.get(group) ?? 0) + micros);
  });
  const ranked = (times: Map<string, number>) =>
    [...times].map(([place, micros]) => ({ place, share: micros / busy })).sort((a, b) => b.share - a.share);
  return { functions: ranked(functions), modules: ranked(modules) };
}

/** Returns the package of a dependency, and the file of our own code and of Node's code. */
function moduleOf(url: string): string {
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return dependency ?? url.replace(/^file:\/\/.*\/dist\//, 'src/');
}

const PROFILED_FUNCTIONS = 30;
const PROFILED_MODULES = 20;

export async function profileText(title: string, file: string): Promise<string> {
  const { functions, modules } = await sharesIn(file);
  const lines = (shares: Share[]) =>
    shares.map(({ place, share }) => `${(share * 100).toFixed(1).padStart(6)} %  ${place}`);
  return [
    `Self time of ${title}: by module`,
    ...lines(modules.slice(0, PROFILED_MODULES)),
    'by function',
    ...lines(functions.slice(0, PROFILED_FUNCTIONS)),
    '',
    '',
  ].join('\n');
}
