/**
 * Run as a process of its own by kill.test.ts: stores, overwrites, removes and drops without pause until it is killed, and
 * says on stdout what it is about to do and what was acknowledged. A line is on its way before the next step begins.
 */

import { writeSync } from 'node:fs';
import { silentLog } from '../../src/base/log.ts';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import { toHex } from '../../src/base/bytes.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import { content, recordOf, sha256, stage, tombstoneOf } from './samples.ts';

const NAMES = 12;
const WORKERS = 6;
const SIZES = [0, 100, 4096, 60_000, 70_000, 2_500_000];

const [path = '', seed = ''] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const storage = await StorageDirectory.open(path, { log: silentLog });

function say(...words: (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

async function work(worker: number): Promise<never> {
  for (;;) {
    // Each worker has names of its own, so that the next version of a name is known.
    const name = `name ${String(worker + WORKERS * randomBelow(random, NAMES / WORKERS))}`;
    const present = (await storage.record(name))?.version;
    const counter = (present?.counter ?? 0) + 1;
    const choice = randomBelow(random, 10);
    if (choice < 2 && present !== undefined) {
      say('begin', 0, 'nothing', name);
      await storage.drop(name, present);
    } else if (choice < 4) {
      say('begin', counter, 'removed', name);
      await storage.commitTombstone(tombstoneOf(name, counter));
    } else {
      const bytes = content(SIZES[randomBelow(random, SIZES.length)] ?? 0);
      say('begin', counter, toHex(sha256(bytes)), name);
      await storage.commit(await stage(storage, bytes, 100_000), recordOf(name, counter, bytes));
    }
    say('done', counter, '-', name);
  }
}

say('ready', 0, '-', '-');
await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
