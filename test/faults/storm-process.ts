/**
 * A process whose power is cut by power-cuts.test.ts: stores, overwrites and removes without pause, many at a time, and
 * says before each what it is about to do and after it when it was acknowledged. With `unsynced` it leaves out what makes
 * content durable, as a program would that trusts the system.
 */

import { toHex } from '../../src/base/bytes.ts';
import { silentLog } from '../../src/base/log.ts';
import { randomBelow, seededRandom } from '../../src/base/random.ts';
import { type FileSystem, nodeFileSystem } from '../../src/store/file-system.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import { content, recordOf, sha256, stage, tombstoneOf } from '../store/samples.ts';
import { say, untilToldToBegin } from './harness/begin.ts';

const WORKERS = 16;
const NAMES_EACH = 2;
const SIZES = [0, 100, 4096, 60_000, 70_000, 1_200_000];
const PIECE_BYTES = 100_000;
const NS_PER_SECOND = 1e9;
const ONE_OF_SO_MANY_REMOVES = 5;

const [path = '', seed = '', syncing = ''] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const unsynced: FileSystem = {
  ...nodeFileSystem,
  datasync: () => Promise.resolve(),
  syncDirectory: () => Promise.resolve(),
};

async function work(storage: StorageDirectory, worker: number): Promise<never> {
  for (;;) {
    // Each worker has names of its own, so that the next version of a name is known.
    const name = `name ${String(worker + WORKERS * randomBelow(random, NAMES_EACH))}`;
    const counter = ((await storage.record(name))?.version.counter ?? 0) + 1;
    if (randomBelow(random, ONE_OF_SO_MANY_REMOVES) === 0) {
      say('begin', counter, 'removed', name);
      await storage.commitTombstone(tombstoneOf(name, counter));
    } else {
      const bytes = content(SIZES[randomBelow(random, SIZES.length)] ?? 0);
      say('begin', counter, toHex(sha256(bytes)), name);
      await storage.commit(await stage(storage, bytes, PIECE_BYTES), recordOf(name, counter, bytes));
    }
    say('done', counter, Number(process.hrtime.bigint()) / NS_PER_SECOND, name);
  }
}

await untilToldToBegin();
const files = syncing === 'unsynced' ? unsynced : nodeFileSystem;
const storage = await StorageDirectory.open(path, { log: silentLog, files });
await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(storage, worker)));
