/** Messages that the overlays of a few real peers take in, all of them in one process, when lookups never stop. */

import { once } from 'node:events';
import { join } from 'node:path';
import { Child } from '../lib/child.ts';
import type { OverlayAnswer } from './overlay-ring.ts';
import { median, type Row, type Setting } from './setting.ts';

const PEERS = 8;
const IN_FLIGHT_PER_PEER = 16;
const MESSAGES_PER_SECOND_MIN = 3_000;
/** The wire's generated code has namespaces, which stripping types alone does not take away. */
const FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];

export async function measureOverlay({ scratch, sizes }: Setting): Promise<Row[]> {
  const file = join(import.meta.dirname, 'overlay-ring.ts');
  const args = [...FLAGS, file, scratch.path, String(PEERS), String(IN_FLIGHT_PER_PEER)];
  const ring = new Child(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  scratch.defer(() => ring.end('SIGKILL'));
  const ended = ring.ended.then((status) => {
    throw ring.error(`ended with status ${status}`);
  });
  ended.catch(() => undefined); // It ends when it has been measured.
  const nextMessage = () => Promise.race([once(ring.process, 'message'), ended]);
  const ask = async (): Promise<OverlayAnswer> => {
    ring.process.send(sizes.overlayMs);
    const [answer] = (await nextMessage()) as [OverlayAnswer];
    return answer;
  };
  await nextMessage(); // The peers have joined.
  await ask(); // Does not count: code is compiled, connections are made.
  const answers: OverlayAnswer[] = [];
  for (let round = 0; round < sizes.rounds; round++) answers.push(await ask());
  await ring.end('SIGKILL');
  const perSecond = (count: (answer: OverlayAnswer) => number) =>
    answers.map((answer) => (count(answer) / answer.elapsedMs) * 1000);
  const messages = perSecond((answer) => answer.messages);
  const lookups = perSecond((answer) => answer.lookups);
  return [
    {
      what: `overlay messages, ${PEERS} peers in one process`,
      figure: median(messages),
      unit: '1/s',
      target: { atLeast: MESSAGES_PER_SECOND_MIN },
      samples: messages,
    },
    { what: 'lookups that they were for', figure: median(lookups), unit: '1/s', samples: lookups },
  ];
}
