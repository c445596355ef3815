// A subscriber is one connection with server-sent events, and it reports every event to its owner.
import { openSocket } from '../load/wire.js';

export interface Subscriber {
  close(): void;
}

/** Resolves once the stream tells its start. Then `told` gets the text of each change, and `lost` the reason of the end. */
export async function subscribe(
  url: string,
  request: string,
  told: (event: string) => void,
  lost: (why: string) => void,
): Promise<Subscriber> {
  const socket = await openSocket(url);
  return new Promise((resolve, reject) => {
    let received = '';
    let isOpen = false;
    let isClosed = false;
    const end = (why: string) => {
      socket.destroy();
      if (isClosed) return;
      isClosed = true;
      if (isOpen) lost(why);
      else reject(new Error(`${url}: ${why}`));
    };
    const close = () => {
      isClosed = true;
      socket.destroy();
    };
    const event = (text: string) => {
      if (/(^|\n)event: (end|complete)|"errors":/.test(text)) end(text);
      else if (!text.includes('\ndata: ')) return;
      else if (isOpen) told(text);
      else if (text.includes('"changes":[]')) {
        isOpen = true;
        resolve({ close });
      }
    };
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      // The headers and the chunk sizes stay in front of an event, because they do not look like an event.
      for (let at = received.indexOf('\n\n'); at >= 0; at = received.indexOf('\n\n')) {
        event(received.slice(0, at));
        received = received.slice(at + 2);
      }
      if (!isOpen && /^HTTP\/1.1 [^2]/.test(received)) end(received);
    });
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('the stream was closed'));
    socket.write(request);
  });
}
