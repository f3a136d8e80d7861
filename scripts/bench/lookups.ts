/** Lookups through one entry peer of a larger ring, asked by a client in a process of its own. */

import { once } from 'node:events';
import { join } from 'node:path';
import { Child } from '../lib/child.ts';
import type { LookupAnswer } from './lookup-client.ts';
import { median, type Row, type Setting } from './setting.ts';

const IN_FLIGHT = 64;
const LOOKUPS_PER_SECOND_MIN = 2_000;

export async function measureLookups({ scratch, network, sizes }: Setting): Promise<Row[]> {
  const args = [join(import.meta.dirname, 'lookup-client.ts'), network.address, String(IN_FLIGHT)];
  const client = new Child(process.execPath, args, {
    env: network.clientEnv,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  scratch.defer(() => client.end('SIGKILL'));
  const ask = async (count: number): Promise<LookupAnswer> => {
    client.process.send(count);
    const ended = client.ended.then((status) => {
      throw client.error(`ended with status ${status}`);
    });
    const [answer] = (await Promise.race([once(client.process, 'message'), ended])) as [LookupAnswer];
    return answer;
  };
  await ask(sizes.lookups); // Does not count: code is compiled, connections are made.
  const rates: number[] = [];
  const answers: LookupAnswer[] = [];
  for (let round = 0; round < sizes.rounds; round++) {
    const answer = await ask(sizes.lookups);
    answers.push(answer);
    rates.push((sizes.lookups / answer.elapsedMs) * 1000);
  }
  await client.end('SIGKILL');
  const hops = answers.map(({ meanHops }) => meanHops);
  return [
    {
      what: `lookups through one peer, ${IN_FLIGHT} in flight`,
      figure: median(rates),
      unit: '1/s',
      target: { atLeast: LOOKUPS_PER_SECOND_MIN },
      samples: rates,
    },
    {
      what: 'their median time',
      figure: median(answers.map(({ medianMs }) => medianMs)),
      unit: 'ms',
      samples: answers.map(({ medianMs }) => medianMs),
    },
    { what: 'their mean hops', figure: median(hops), unit: 'hops', samples: hops },
  ];
}
