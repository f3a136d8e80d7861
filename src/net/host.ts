/**
 * A libp2p host as the rest of the program sees it: protocols served over FrameStreams, streams opened to a peer at
 * known addresses, and on each connection one exchange of hellos before anything else is served (src/net/hello.ts).
 * A connection is reused in whichever direction it was made. Whatever another host sends ends at most its own
 * stream or connection, with a named error in the log.
 */

import type { Connection, PrivateKey, Stream } from '@libp2p/interface';
import type { Libp2p } from 'libp2p';
import {
  codeOf,
  HelloRefusedError,
  messageOf,
  NoHelloError,
  StoreError,
  StreamClosedError,
  UnreachableError,
} from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { ConnectionGate } from './connection-gate.ts';
import { rethrowDefect } from './defect.ts';
import { checkListenAddrs, Destination, withoutPeerId, type DialTarget } from './dial-target.ts';
import type { FrameStream } from './frame-stream.ts';
import { Greeter } from './greeter.ts';
import { HELLO_PROTOCOL, type HelloPolicy } from './hello.ts';
import { createNode } from './libp2p-node.ts';
import {
  checkLimits,
  DEFAULT_HOST_LIMITS,
  EARLY_QUEUE_BYTES,
  READ_QUEUE_HIGH_BYTES,
  type HostLimits,
} from './limits.ts';
import { Link, type RemoteIdentity } from './link.ts';
import { Deadline, within, type Wait } from './wait.ts';

export type HostOptions = {
  readonly privateKey: PrivateKey;
  /** Multiaddrs to listen on; none for a client. */
  readonly listen: readonly string[];
  readonly policy: HelloPolicy;
  readonly log: Log;
  readonly limits?: Partial<HostLimits>;
};

export type OpenOptions = {
  /** Wait until the answer to our hello was judged. Otherwise the stream is there one round trip earlier, and fails if it is refused. */
  readonly waitForHello?: boolean;
};

/** Serves one inbound stream. `signal` is aborted when the connection or the host ends. */
export type StreamHandler = (stream: FrameStream, remote: RemoteIdentity, signal: AbortSignal) => Promise<void>;
export type HandleOptions = { readonly maxInboundStreams?: number };

/** How long a connection that is closed may take to say so. */
const CLOSE_TIMEOUT_MS = 300;

export class Host {
  readonly peerId: string;
  readonly #node: Libp2p;
  readonly #greeter: Greeter;
  readonly #log: Log;
  readonly #limits: HostLimits;
  /** By the connection's id. */
  readonly #links = new Map<string, Link>();
  readonly #disconnectListeners: ((peerId: string) => void)[] = [];
  #stopping: Promise<void> | undefined;

  private constructor(node: Libp2p, options: HostOptions, limits: HostLimits) {
    this.peerId = node.peerId.toString();
    this.#node = node;
    this.#greeter = new Greeter(options.policy, limits, options.log);
    this.#log = options.log;
    this.#limits = limits;
  }

  /** @throws StoreError if an address cannot be listened on, UsageError if it is none */
  static async start(options: HostOptions): Promise<Host> {
    checkListenAddrs(options.listen);
    const limits = { ...DEFAULT_HOST_LIMITS, ...options.limits };
    checkLimits(limits);
    const gater = new ConnectionGate(limits.pendingInboundPerAddressMax, options.log);
    const node = await createNode({ privateKey: options.privateKey, listen: options.listen, limits, gater });
    const host = new Host(node, options, limits);
    node.addEventListener('connection:open', (event) => host.#onOpen(event.detail));
    node.addEventListener('connection:close', (event) => host.#onClose(event.detail));
    await node.handle(HELLO_PROTOCOL, (stream, connection) => host.#onHello(stream, connection), {
      maxInboundStreams: limits.inboundStreamsPerProtocolMax,
    });
    try {
      await node.start();
    } catch (error) {
      await node.stop();
      throw new StoreError('FAILED', `cannot listen on ${options.listen.join(', ')}: ${whyNotListening(error)}`, error);
    }
    return host;
  }

  /** Where this host can be dialled, without its PeerId; wildcard addresses are expanded. */
  addrs(): string[] {
    const addrs = this.#node.getMultiaddrs().map((addr) => withoutPeerId(addr.toString()));
    return [...new Set(addrs)];
  }

  /** Serves a protocol. When the handler returns, the stream is closed; when it throws, aborted and the error logged. */
  async handle(protocol: string, handler: StreamHandler, options: HandleOptions = {}): Promise<void> {
    await this.#node.handle(protocol, (stream, connection) => this.#serve(protocol, handler, stream, connection), {
      maxInboundStreams: options.maxInboundStreams ?? this.#limits.inboundStreamsPerProtocolMax,
    });
  }

  /** Opens a stream, dialling first if need be. @throws UnreachableError, HelloRefusedError, NoHelloError, TimeoutError, InterruptedError */
  async open(target: DialTarget, protocol: string, wait: Wait, options: OpenOptions = {}): Promise<FrameStream> {
    const deadline = new Deadline(wait);
    for (let attempt = 1; ; attempt++) {
      const link = await this.#connect(target, deadline);
      if (options.waitForHello === true) await link.identified(deadline.rest);
      const limit = deadline.signal(`opening a ${protocol} stream`);
      try {
        const { signal } = limit;
        const maxOutboundStreams = this.#limits.streamsPerConnectionMax;
        return link.adopt(await link.connection.newStream(protocol, { signal, maxOutboundStreams }));
      } catch (error) {
        if (limit.signal.aborted) throw limit.signal.reason;
        if (link.failure instanceof HelloRefusedError || link.failure instanceof NoHelloError) throw link.failure;
        // The connection had just ended when we wanted to use it: a new one may do.
        if (link.open || attempt > 1)
          throw new UnreachableError(`${link.peerId} opened no ${protocol} stream: ${messageOf(error)}`, error);
      } finally {
        limit.release();
      }
    }
  }

  /** Connects if need be and says who is there, after its hello was judged. Throws like `open`. */
  async meet(target: DialTarget, wait: Wait): Promise<RemoteIdentity> {
    const deadline = new Deadline(wait);
    const link = await this.#connect(target, deadline);
    return link.identified(deadline.rest);
  }

  /** Who a connected host is, if its hello was accepted. */
  identityOf(peerId: string): RemoteIdentity | undefined {
    return this.#linksTo(peerId).find((link) => link.identity !== undefined)?.identity;
  }

  /** Calls back whenever the last connection to a host has ended. */
  onDisconnect(listener: (peerId: string) => void): void {
    this.#disconnectListeners.push(listener);
  }

  /** Ends all connections to a host. */
  disconnect(peerId: string): void {
    for (const link of this.#linksTo(peerId)) link.fail(new StreamClosedError('disconnected'));
  }

  /** Ends everything, open streams included, within a second. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const ending = [...this.#links.values()].map(async (link) => {
      if (link.streamCount === 0)
        await link.connection.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }).catch(() => {});
      link.fail(new StreamClosedError('this host stops'));
    });
    await Promise.all(ending);
    await this.#node.stop();
  }

  #linksTo(peerId: string): Link[] {
    return [...this.#links.values()].filter((link) => link.peerId === peerId && link.open);
  }

  /** A link that may carry our streams: one that we dialled, or one whose hello we accepted. */
  async #connect(target: DialTarget, deadline: Deadline): Promise<Link> {
    if (this.#stopping !== undefined) throw new StreamClosedError('this host stops');
    const destination = new Destination(target);
    const links = destination.peerId === undefined ? this.#linksAt(destination) : this.#linksTo(destination.peerId);
    const usable =
      links.find((link) => link.identity !== undefined) ??
      links.find((link) => link.connection.direction === 'outbound');
    if (usable !== undefined) return usable;
    const arriving = links[0];
    if (arriving !== undefined) {
      // It has just dialled us. Where its hello is not accepted, we dial ourselves.
      const accepted = await within(arriving.accepted, deadline.rest, 'hello').catch((error: unknown) => {
        if (arriving.failure === undefined) throw error;
      });
      if (accepted !== undefined) return arriving;
    }
    return this.#dial(destination, deadline);
  }

  #linksAt({ addrs }: Destination): Link[] {
    return [...this.#links.values()].filter(
      (link) => link.open && link.connection.direction === 'outbound' && addrs.includes(link.remoteAddr),
    );
  }

  async #dial(destination: Destination, deadline: Deadline): Promise<Link> {
    const name = String(destination);
    if (destination.addrs.length === 0) throw new UnreachableError(`no address of ${name} is known`);
    const limit = deadline.signal(`connecting to ${name}`);
    try {
      const connection = await this.#node.dial(destination.multiaddrs, { signal: limit.signal });
      const link = this.#links.get(connection.id);
      if (link === undefined || !link.open) throw new UnreachableError(`${name} closed the connection at once`);
      return link;
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      if (error instanceof StoreError) throw error;
      throw new UnreachableError(`cannot connect to ${name}: ${messageOf(error)}`, error);
    } finally {
      limit.release();
    }
  }

  #onOpen(connection: Connection): void {
    const link = new Link(connection);
    this.#links.set(connection.id, link);
    this.#greeter.begin(link);
  }

  #onClose(connection: Connection): void {
    const link = this.#links.get(connection.id);
    if (link === undefined) return;
    this.#links.delete(connection.id);
    link.closed();
    if (this.#linksTo(link.peerId).length > 0) return;
    for (const listener of this.#disconnectListeners) listener(link.peerId);
  }

  async #onHello(stream: Stream, connection: Connection): Promise<void> {
    const link = this.#links.get(connection.id);
    if (link === undefined) {
      stream.abort(new StreamClosedError('the connection was closed'));
      return;
    }
    await this.#greeter.answer(link, stream);
  }

  async #serve(protocol: string, handler: StreamHandler, stream: Stream, connection: Connection): Promise<void> {
    const link = this.#links.get(connection.id);
    if (link === undefined) {
      stream.abort(new StreamClosedError('the connection was closed'));
      return;
    }
    const frames = link.adopt(stream);
    try {
      if (link.identity === undefined) frames.limitQueue(EARLY_QUEUE_BYTES);
      const remote = link.identity ?? (await link.accepted);
      frames.limitQueue(READ_QUEUE_HIGH_BYTES);
      await handler(frames, remote, link.over);
      await frames.finish({ timeoutMs: this.#limits.lingerTimeoutMs });
    } catch (error) {
      this.#failStream(frames, protocol, link, error);
    }
  }

  #failStream(frames: FrameStream, protocol: string, link: Link, error: unknown): void {
    rethrowDefect(error);
    const fields = { code: codeOf(error), message: messageOf(error), protocol, peerId: link.peerId };
    // Streams that end because their connection did are told once, by the link.
    // And one that the other side has cut, for instance because it stopped, is no news.
    const cut = frames.closed && error instanceof StreamClosedError;
    if (error !== link.failure) this.#log[cut ? 'debug' : 'warn']('a stream failed', fields);
    frames.abort(error instanceof Error ? error : new StreamClosedError(messageOf(error)));
  }
}

/** In a few words; libp2p puts everything that went wrong into one text, with the stacks. */
function whyNotListening(error: unknown): string {
  const text = messageOf(error);
  if (text.includes('EADDRINUSE')) return 'something else listens there already';
  if (text.includes('EADDRNOTAVAIL')) return 'this machine has no such address';
  if (text.includes('EACCES')) return 'this user may not listen there';
  return text.split('\n')[0] ?? text;
}
