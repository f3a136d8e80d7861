import { afterEach, describe, expect, it } from 'vitest';
import { InterruptedError, NotFoundError, TimeoutError } from '../../src/base/errors.ts';
import type { FrameStream } from '../../src/net/frame-stream.ts';
import { LIBP2P_READ_BUFFER_BYTES, READ_QUEUE_HIGH_BYTES, WINDOW_BYTES_MAX } from '../../src/net/limits.ts';
import { within } from '../../src/net/wait.ts';
import { eventually, Hosts } from './hosts.ts';

const PROTOCOL = '/test/frames/1.0.0';
const MIB = 1 << 20;
const WAIT = { timeoutMs: 10_000 };
const hosts = new Hosts();
afterEach(() => hosts.stop());

/** Two ends of one stream. The far end's handler runs until the stream is closed. */
async function pair(): Promise<{ near: FrameStream; far: FrameStream }> {
  const server = await hosts.start();
  const client = await hosts.start({ listen: [] });
  const arrived = Promise.withResolvers<FrameStream>();
  await server.host.handle(PROTOCOL, async (stream) => {
    arrived.resolve(stream);
    await new Promise<void>((resolve) => stream.onClosed(resolve));
  });
  const near = await client.host.open(server.target, PROTOCOL, WAIT);
  return { near, far: await arrived.promise };
}

function filled(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 4096) bytes[i] = (seed + i / 4096) & 0xff;
  return bytes;
}

/** Whether it settles soon; a write that is held back does not, however long one waits. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const outcome = within(promise, { timeoutMs: 300 }, 'settling').catch((error: unknown) => error);
  return !((await outcome) instanceof TimeoutError);
}

describe('FrameStream', () => {
  it('carries frames of many sizes in order, in parts or in one piece', async () => {
    const { near, far } = await pair();
    const sizes = [0, 1, 3, 4, 5, 65_535, 65_536, 262_144, MIB, 3 * MIB + 17, 0, 9];
    const writing = (async () => {
      for (const [i, size] of sizes.entries()) {
        const whole = filled(size, i);
        await near.writeFrame(i % 2 === 0 ? whole : [whole.subarray(0, size >> 1), whole.subarray(size >> 1)], WAIT);
      }
      await near.closeWrite(WAIT);
    })();
    for (const [i, size] of sizes.entries()) {
      const frame =
        i % 3 === 0
          ? Buffer.concat((await far.readFrameParts(4 * MIB, WAIT)) ?? [])
          : await far.readFrame(4 * MIB, WAIT);
      expect(Buffer.compare(frame ?? Buffer.from('none'), filled(size, i))).toBe(0);
    }
    expect(await far.readFrame(10, WAIT)).toBeUndefined();
    expect(await far.readFrame(10, WAIT)).toBeUndefined();
    await writing;
  });

  it('hands out a small frame without copying it', async () => {
    const { near, far } = await pair();
    await near.writeFrame(filled(100, 1), WAIT);
    const parts = await far.readFrameParts(1000, WAIT);
    expect(parts).toHaveLength(1);
    expect(parts?.[0]?.buffer.byteLength).toBeGreaterThan(100);
  });

  it('refuses a frame that is too large before its content arrives, and ends the stream', async () => {
    const { near, far } = await pair();
    await near.writeFrame(filled(5000, 1), WAIT);
    await expect(far.readFrame(4999, WAIT)).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' });
    await expect(far.readFrame(4999, WAIT)).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' });
    await eventually(() => near.closed);
    await expect(near.writeFrame(filled(1, 1), WAIT)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
  });

  it('holds back a sender whose reader does not read, and loses nothing', async () => {
    const { near, far } = await pair();
    let accepted = 0;
    const total = 60;
    const writing = (async () => {
      for (let i = 0; i < total; i++) {
        await near.writeFrame(filled(MIB, i), WAIT);
        accepted++;
      }
      await near.closeWrite(WAIT);
    })();
    let before = -1;
    await eventually(() => {
      const same = before === accepted && accepted > 0;
      before = accepted;
      return same && far.readQueueBytes >= READ_QUEUE_HIGH_BYTES;
    });
    expect(await settled(writing)).toBe(false);
    const bound = READ_QUEUE_HIGH_BYTES + 2 * WINDOW_BYTES_MAX + 2 * MIB;
    expect(far.readQueueBytes).toBeLessThanOrEqual(bound);
    expect(accepted * MIB).toBeLessThan(bound + LIBP2P_READ_BUFFER_BYTES);
    for (let i = 0; i < total; i++) {
      const frame = await far.readFrame(MIB, WAIT);
      expect(Buffer.compare(frame ?? Buffer.alloc(0), filled(MIB, i))).toBe(0);
      expect(far.readQueueBytes).toBeLessThanOrEqual(bound);
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      // A pause after the stream was let go on: it must be held back again.
      if (i === 3) expect(await settled(writing)).toBe(false);
    }
    expect(await far.readFrame(MIB, WAIT)).toBeUndefined();
    await writing;
  });

  it('reads a frame larger than the read queue', async () => {
    const { near, far } = await pair();
    const size = 8 * MIB;
    expect(size).toBeGreaterThan(READ_QUEUE_HIGH_BYTES);
    const writing = near.writeFrame(filled(size, 3), WAIT);
    const frame = await far.readFrame(size, WAIT);
    expect(Buffer.compare(frame ?? Buffer.alloc(0), filled(size, 3))).toBe(0);
    await writing;
  });

  it('gives up a read at its deadline, taking nothing', async () => {
    const { near, far } = await pair();
    await expect(far.readFrame(10, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await near.writeFrame(filled(7, 1), WAIT);
    expect(await far.readFrame(10, WAIT)).toHaveLength(7);
  });

  it('gives up a write at its deadline, having sent its frame whole or not at all', async () => {
    const { near, far } = await pair();
    let written = 0;
    const flood = async () => {
      for (;;) {
        await near.writeFrame(filled(MIB, written), { timeoutMs: 200 });
        written++;
      }
    };
    await expect(flood()).rejects.toMatchObject({ code: 'TIMEOUT' });
    const closing = near.closeWrite(WAIT);
    let read = 0;
    while ((await far.readFrame(MIB, WAIT)) !== undefined) read++;
    expect([written, written + 1]).toContain(read);
    await closing;
  });

  it('is done with the bytes of a write when it resolves, so that their buffer may be used again', async () => {
    const { near, far } = await pair();
    const buffer = new Uint8Array(MIB);
    const writing = (async () => {
      for (let value = 0; value < 24; value++) {
        buffer.fill(value);
        await near.writeFrame(buffer, WAIT);
      }
    })();
    for (let value = 0; value < 24; value++) {
      const frame = await far.readFrame(MIB, WAIT);
      expect(frame?.every((byte) => byte === value)).toBe(true);
    }
    await writing;
  });

  it('ends a wait with the reason of its signal', async () => {
    const { far } = await pair();
    const plain = new AbortController();
    const reading = far.readFrame(10, { timeoutMs: Infinity, signal: plain.signal });
    plain.abort();
    await expect(reading).rejects.toBeInstanceOf(InterruptedError);
    const reasoned = new AbortController();
    const again = far.readFrame(10, { timeoutMs: 10_000, signal: reasoned.signal });
    reasoned.abort(new NotFoundError('gone'));
    await expect(again).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(far.readFrame(10, { timeoutMs: 10_000, signal: reasoned.signal })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('tells a stream that was cut from one that ended, on both sides', async () => {
    const { near, far } = await pair();
    const reading = far.readFrame(1000, WAIT);
    await near.writeFrame(filled(10, 1), WAIT);
    expect(await reading).toHaveLength(10);
    const next = far.readFrame(1000, WAIT);
    near.abort(new NotFoundError('enough'));
    await expect(next).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    await expect(near.readFrame(10, WAIT)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('wakes everybody who waits when it is aborted', async () => {
    const { near } = await pair();
    const reading = near.readFrame(10, WAIT);
    const writes = Array.from({ length: 40 }, (_, i) => near.writeFrame(filled(MIB, i), WAIT));
    const outcomes = Promise.allSettled([reading, ...writes]);
    const start = performance.now();
    near.abort(new NotFoundError('enough'));
    const states = (await outcomes).map((outcome) => outcome.status);
    expect(states[0]).toBe('rejected');
    expect(states.at(-1)).toBe('rejected');
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('finishes with a side that goes on sending, by aborting', async () => {
    const { near, far } = await pair();
    const flood = (async () => {
      for (;;) await near.writeFrame(filled(MIB, 1), WAIT);
    })();
    const ended = expect(flood).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    await far.finish({ timeoutMs: 200 });
    expect(far.closed).toBe(true);
    await ended;
  });
});
