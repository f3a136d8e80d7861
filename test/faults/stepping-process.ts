/**
 * A process that is killed by crash-points.test.ts: opens a storage directory, goes through the steps from one number up to
 * another, and says after each that it was acknowledged.
 */

import { silentLog } from '../../src/base/log.ts';
import { StorageDirectory } from '../../src/store/storage-directory.ts';
import { say, untilToldToBegin } from './harness/begin.ts';
import { carryOut, STEPS } from './steps.ts';

const [path = '', from = '', to = ''] = process.argv.slice(2);

await untilToldToBegin();
const storage = await StorageDirectory.open(path, { log: silentLog });
for (let number = Number(from); number < Number(to); number++) {
  await carryOut(storage, number);
  say('done', number);
  if (STEPS[number]?.settled === true) await storage.settle();
}
await storage.close();
