/**
 * Keeps one subscription alive at a discovery peer, until the signal says stop: answers each notice with a renewal, takes
 * silence for death, and begins anew after a pause that doubles up to a bound and is drawn at random, so that the
 * peers of a network do not all come back at once when their discovery peer does.
 */

import {
  codeOf,
  messageOf,
  StoreError,
  StreamClosedError,
  TimeoutError,
  UnexpectedMessageError,
} from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { FrameStream } from '../net/frame-stream.ts';
import { Pending, type Wait } from '../net/wait.ts';
import type { ContactReader } from '../wire/contact.ts';
import {
  decodeDiscoveryAnswer,
  encodeDiscoveryRequest,
  NOTICE_BYTES_MAX,
  type PresenceNotice,
} from '../wire/discovery.ts';
import type { PresenceTiming } from './presence-timing.ts';

const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 10_000;
const OPEN_TIMEOUT_MS = 10_000;

export type KeepSubscribedOptions = {
  /** Opens a stream to a discovery peer whose hello was judged. */
  readonly open: (wait: Wait) => Promise<{ readonly stream: FrameStream }>;
  readonly addrs: () => readonly string[];
  readonly reader: () => ContactReader;
  readonly listener: (notice: PresenceNotice) => void;
  readonly timing: PresenceTiming;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** Resolves once the signal is aborted. @throws the code NOT_PERMITTED when this peer is no member */
export async function keepSubscribed(options: KeepSubscribedOptions): Promise<void> {
  const { signal, random, log } = options;
  let backoffMs = BACKOFF_MIN_MS;
  let away = false;
  while (!signal.aborted) {
    try {
      await subscribeOnce(options, () => {
        backoffMs = BACKOFF_MIN_MS;
        away = false;
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof StoreError) || error.code === 'NOT_PERMITTED') throw error;
      // Once is news; that it is still away is not.
      log[away ? 'debug' : 'info']('the discovery peer is away', { code: codeOf(error), message: messageOf(error) });
      away = true;
    }
    await pause(backoffMs * (0.5 + random() / 2), signal);
    backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
  }
}

async function subscribeOnce(options: KeepSubscribedOptions, onPresent: () => void): Promise<void> {
  const { open, addrs, reader, listener, timing, log, signal } = options;
  const wait: Wait = { timeoutMs: timing.silenceMs, signal };
  const { stream } = await open({ timeoutMs: OPEN_TIMEOUT_MS, signal });
  try {
    await stream.writeFrame(encodeDiscoveryRequest({ type: 'subscribe', addrs: addrs() }), wait);
    for (let notices = 0; ; notices++) {
      const bytes = await stream.readFrame(NOTICE_BYTES_MAX, wait);
      if (bytes === undefined) throw new StreamClosedError('the discovery peer ended the subscription');
      const answer = decodeDiscoveryAnswer(bytes, reader());
      if (answer.type === 'failure') throw answer.error;
      if (answer.type !== 'presence') throw new UnexpectedMessageError(`an answer "${answer.type}" on a subscription`);
      if (notices === 0) {
        onPresent();
        log.info('present at the discovery peer', { epoch: answer.epoch });
      }
      listener({ epoch: answer.epoch, arrived: answer.arrived });
      await stream.writeFrame(encodeDiscoveryRequest({ type: 'renew', addrs: addrs() }), wait);
    }
  } finally {
    stream.abort(new StreamClosedError('the subscription is over'));
  }
}

async function pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
  try {
    await new Pending({ timeoutMs, signal }, 'a pause').promise;
  } catch (error) {
    if (!(error instanceof TimeoutError) && !signal.aborted) throw error;
  }
}
