/**
 * One end of a plain libp2p stream, the yardstick: stock TCP, noise() and yamux(), with back-pressure obeyed. The one
 * setting that is not stock is `maxReadBufferLength`, without which libp2p aborts a stream whose reader pauses it; it
 * changes nothing where nobody pauses. Files are read and written in pieces of 1 MiB, the next one under way while the
 * stream has this one: what a careful programmer would write, and nothing more.
 *
 * A process of its own, told over IPC what to do. The sink listens, the source dials it.
 */

import { once } from 'node:events';
import { open, type FileHandle } from 'node:fs/promises';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';

const PROTOCOL = '/bench/raw/1.0.0';
const PIECE_BYTES = 1024 * 1024;
/** Twice the largest window of stock yamux. */
const READ_BUFFER_BYTES = 32 * PIECE_BYTES;
/** Bytes waiting for the file at which the sender is paused. */
const QUEUE_BYTES_MAX = 4 * PIECE_BYTES;

export type RawRequest =
  | { readonly type: 'listen' }
  | { readonly type: 'dial'; readonly addr: string }
  /** The sink expects `bytes`, and answers when it has them all. */
  | { readonly type: 'receive'; readonly bytes: number; readonly to: string | undefined }
  | { readonly type: 'send'; readonly bytes: number; readonly from: string | undefined };

export type RawAnswer = { readonly type: 'done'; readonly addr?: string };

const node = await createLibp2p({
  addresses: { listen: process.argv[2] === 'sink' ? ['/ip4/127.0.0.1/tcp/0'] : [] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux({ streamOptions: { maxReadBufferLength: READ_BUFFER_BYTES } })],
});

async function send(stream: Stream, bytes: number, from: string | undefined): Promise<void> {
  const sendPiece = async (piece: Uint8Array) => {
    // The event and not onDrain(), which keeps its first resolved promise.
    if (!stream.send(piece)) await once(stream, 'drain');
  };
  if (from === undefined) {
    const piece = Buffer.alloc(PIECE_BYTES, 'raw');
    for (let left = bytes; left > 0; left -= PIECE_BYTES)
      await sendPiece(piece.subarray(0, Math.min(left, PIECE_BYTES)));
    return;
  }
  const file = await open(from);
  const buffers: [Buffer, Buffer] = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)];
  let ahead = file.read(buffers[0], 0, PIECE_BYTES, 0);
  for (let position = 0; position < bytes;) {
    const { bytesRead, buffer } = await ahead;
    if (bytesRead === 0) throw new Error(`${from} is shorter than ${bytes} bytes`);
    position += bytesRead;
    buffers.reverse();
    ahead = file.read(buffers[0], 0, PIECE_BYTES, position);
    await sendPiece(buffer.subarray(0, bytesRead));
  }
  await ahead;
  await file.close();
}

/** Resolves when all bytes have come and, where they go to a file, are written (not synced). */
function receive(stream: Stream, bytes: number, file: FileHandle | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = bytes;
    let queue: Uint8Array[] = [];
    let queued = 0;
    let writing = false;
    let resuming = false;
    const pauseIfFull = () => {
      if (queued > QUEUE_BYTES_MAX && stream.readStatus === 'readable' && !resuming) stream.pause();
    };
    const resume = () => {
      if (stream.readStatus !== 'paused') return;
      // It hands over all that it held back, and would undo a pause in the midst of that.
      resuming = true;
      stream.resume();
      resuming = false;
      pauseIfFull();
    };
    const write = () => {
      if (file === undefined || writing || (queued < PIECE_BYTES && missing > 0)) return;
      if (queued === 0) {
        resolve();
        return;
      }
      const pieces = queue;
      queue = [];
      queued = 0;
      writing = true;
      writeAll(file, pieces).then(() => {
        writing = false;
        resume();
        write();
      }, reject);
    };
    stream.addEventListener('message', ({ data }) => {
      missing -= data.byteLength;
      if (file === undefined) {
        if (missing <= 0) resolve();
        return;
      }
      for (const piece of data instanceof Uint8Array ? [data] : data) queue.push(piece);
      queued += data.byteLength;
      pauseIfFull();
      write();
    });
    stream.addEventListener('close', () => {
      if (missing > 0) reject(new Error(`the stream ended ${missing} bytes early`));
    });
  });
}

async function writeAll(file: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const { bytesWritten } = await file.writev(pieces as Uint8Array[]);
  if (bytesWritten !== bytes) throw new Error('a short write');
}

async function act(request: RawRequest): Promise<RawAnswer> {
  switch (request.type) {
    case 'listen':
      return { type: 'done', addr: String(node.getMultiaddrs()[0]) };
    case 'dial':
      await node.dial(multiaddr(request.addr));
      return { type: 'done' };
    case 'receive': {
      const file = request.to === undefined ? undefined : await open(request.to, 'w');
      const arrived = Promise.withResolvers<Stream>();
      await node.handle(
        PROTOCOL,
        (stream) => {
          arrived.resolve(stream);
          return over;
        },
        { force: true },
      );
      const { promise: over, resolve } = Promise.withResolvers<undefined>();
      process.send?.({ type: 'done' } satisfies RawAnswer); // Ready for the source to begin.
      await receive(await arrived.promise, request.bytes, file);
      resolve(undefined);
      await file?.close();
      return { type: 'done' };
    }
    case 'send': {
      const [connection] = node.getConnections();
      if (connection === undefined) throw new Error('not connected');
      const stream = await connection.newStream(PROTOCOL);
      await send(stream, request.bytes, request.from);
      await stream.close();
      return { type: 'done' };
    }
  }
}

process.on('message', (request: RawRequest) => {
  void act(request).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
