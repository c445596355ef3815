// Loaded into a server with --import when its time is to be profiled; does what the parent asks for.
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

export type ProfilerRequest = { profile: 'start' } | { profile: 'stop'; file: string };
export interface ProfilerReply {
  problem?: string;
}

const SAMPLE_EVERY_MICROS = 500;

const session = new Session();
session.connect();

async function obey(request: ProfilerRequest): Promise<void> {
  if (request.profile === 'start') {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROS });
    await session.post('Profiler.start');
  } else {
    const { profile } = await session.post('Profiler.stop');
    await writeFile(request.file, JSON.stringify(profile));
  }
}

process.on('message', (request) => {
  obey(request as ProfilerRequest).then(
    () => process.send?.({} satisfies ProfilerReply),
    (error: unknown) => process.send?.({ problem: String(error) } satisfies ProfilerReply),
  );
});
