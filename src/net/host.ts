/**
 * A libp2p host as the rest of the program sees it: protocols served over FrameStreams, streams opened to a peer at
 * known addresses, and on each connection one exchange of hellos before anything else is served (src/net/hello.ts).
 * A connection is reused in whichever direction it was made. Whatever another host sends ends at most its own
 * stream or connection, with a named error in the log.
 */

import type { Connection, PrivateKey, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import type { Libp2p } from 'libp2p';
import { InvariantError } from '../base/assert.ts';
import {
  codeOf,
  HelloRefusedError,
  messageOf,
  NoHelloError,
  StoreError,
  StreamClosedError,
  UnexpectedMessageError,
  UnreachableError,
} from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FrameStream } from './frame-stream.ts';
import { answerHello, HELLO_PROTOCOL, sayHello, type HelloPolicy } from './hello.ts';
import { createNode } from './libp2p-node.ts';
import { checkLimits, DEFAULT_HOST_LIMITS, type HostLimits } from './limits.ts';
import { Link, type RemoteIdentity } from './link.ts';
import { ConnectionGate } from './connection-gate.ts';
import { Deadline, within, type Wait } from './wait.ts';

export type { HelloPolicy } from './hello.ts';
export type { RemoteIdentity } from './link.ts';

export type HostOptions = {
  readonly privateKey: PrivateKey;
  /** Multiaddrs to listen on; none for a client. */
  readonly listen: readonly string[];
  readonly policy: HelloPolicy;
  readonly log: Log;
  readonly limits?: Partial<HostLimits>;
};

/** Whom to talk to. Without `peerId`: whoever answers at these addresses. */
export type DialTarget = { readonly peerId?: string | undefined; readonly addrs: readonly string[] };

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
  readonly #policy: HelloPolicy;
  readonly #log: Log;
  readonly #limits: HostLimits;
  /** By the connection's id. */
  readonly #links = new Map<string, Link>();
  readonly #disconnectListeners: ((peerId: string) => void)[] = [];
  #stopping: Promise<void> | undefined;

  private constructor(node: Libp2p, options: HostOptions, limits: HostLimits) {
    this.peerId = node.peerId.toString();
    this.#node = node;
    this.#policy = options.policy;
    this.#log = options.log;
    this.#limits = limits;
  }

  /** @throws UnreachableError if an address cannot be listened on */
  static async start(options: HostOptions): Promise<Host> {
    const limits = { ...DEFAULT_HOST_LIMITS, ...options.limits };
    checkLimits(limits);
    const gater = new ConnectionGate(limits.pendingInboundPerAddressMax, (address) =>
      options.log.warn('too many handshakes at once from one address', { code: 'BUSY', address }),
    );
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
      throw new UnreachableError(`cannot listen on ${options.listen.join(', ')}: ${messageOf(error)}`, error);
    }
    return host;
  }

  /** Where this host can be dialled, without its PeerId; wildcard addresses are expanded. */
  addrs(): string[] {
    const addrs = this.#node.getMultiaddrs().map((addr) => addr.toString().replace(/\/p2p\/[^/]+$/, ''));
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
      if (options.waitForHello === true) await within(link.accepted, deadline.rest, 'hello');
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
    return link.identity ?? within(link.accepted, deadline.rest, 'hello');
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
    const addrs = parseAddrs(target);
    const peerId = target.peerId ?? addrs[0]?.toString().match(/\/p2p\/([^/]+)$/)?.[1];
    const links = peerId === undefined ? this.#linksAt(addrs) : this.#linksTo(peerId);
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
    return this.#dial(peerId, addrs, deadline);
  }

  #linksAt(addrs: readonly Multiaddr[]): Link[] {
    const wanted = new Set(addrs.map(String));
    return [...this.#links.values()].filter(
      (link) => link.open && link.connection.direction === 'outbound' && wanted.has(link.remoteAddr),
    );
  }

  async #dial(peerId: string | undefined, addrs: readonly Multiaddr[], deadline: Deadline): Promise<Link> {
    const name = peerId ?? addrs.join(', ');
    if (addrs.length === 0) throw new UnreachableError(`no address of ${name} is known`);
    const whole = addrs.map((addr) =>
      peerId === undefined || addr.toString().includes('/p2p/') ? addr : addr.encapsulate(`/p2p/${peerId}`),
    );
    const limit = deadline.signal(`connecting to ${name}`);
    try {
      const connection = await this.#node.dial(whole, { signal: limit.signal });
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
    const late = setTimeout(
      () => this.#failLink(link, new NoHelloError(`no hello within ${String(this.#limits.helloTimeoutMs)} ms`)),
      this.#limits.helloTimeoutMs,
    );
    link.accepted.catch(() => {}).finally(() => clearTimeout(late));
    if (connection.direction === 'outbound') void this.#greet(link);
  }

  #onClose(connection: Connection): void {
    const link = this.#links.get(connection.id);
    if (link === undefined) return;
    this.#links.delete(connection.id);
    link.closed();
    if (this.#linksTo(link.peerId).length > 0) return;
    for (const listener of this.#disconnectListeners) listener(link.peerId);
  }

  /** Says our hello on a connection that we dialled. */
  async #greet(link: Link): Promise<void> {
    link.greeted = true;
    const wait: Wait = { timeoutMs: this.#limits.helloTimeoutMs, signal: link.over };
    const limit = new Deadline(wait).signal('hello');
    try {
      const stream = link.adopt(await link.connection.newStream(HELLO_PROTOCOL, { signal: limit.signal }));
      link.accept(await sayHello(stream, link, this.#policy, wait));
      await stream.finish({ timeoutMs: this.#limits.lingerTimeoutMs });
    } catch (error) {
      this.#failLink(
        link,
        named(error, (cause) => new NoHelloError(`no hello was possible: ${messageOf(cause)}`, cause)),
      );
    } finally {
      limit.release();
    }
  }

  /** Answers the hello of a connection that was made to us. */
  async #onHello(stream: Stream, connection: Connection): Promise<void> {
    const link = this.#links.get(connection.id);
    if (link === undefined) return stream.abort(new StreamClosedError('the connection was closed'));
    const frames = link.adopt(stream);
    if (link.greeted) {
      this.#failStream(frames, HELLO_PROTOCOL, link, new UnexpectedMessageError('a second hello on one connection'));
      return;
    }
    link.greeted = true;
    try {
      link.accept(
        await answerHello(frames, link, this.#policy, { timeoutMs: this.#limits.helloTimeoutMs, signal: link.over }),
      );
      await frames.finish({ timeoutMs: this.#limits.lingerTimeoutMs });
    } catch (error) {
      this.#failLink(
        link,
        named(error, (cause) => new NoHelloError(`hello failed: ${messageOf(cause)}`, cause)),
      );
    }
  }

  async #serve(protocol: string, handler: StreamHandler, stream: Stream, connection: Connection): Promise<void> {
    const link = this.#links.get(connection.id);
    if (link === undefined) return stream.abort(new StreamClosedError('the connection was closed'));
    const frames = link.adopt(stream);
    try {
      const remote = link.identity ?? (await link.accepted);
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
    if (error !== link.failure) this.#log.warn('a stream failed', fields);
    frames.abort(error instanceof Error ? error : new StreamClosedError(messageOf(error)));
  }

  #failLink(link: Link, error: StoreError): void {
    if (link.failure === undefined) {
      const { peerId, remoteAddr } = link;
      this.#log.warn('a connection failed', {
        code: error.code,
        message: error.message,
        protocol: HELLO_PROTOCOL,
        peerId,
        remoteAddr,
      });
    }
    link.fail(error);
  }
}

function parseAddrs(target: DialTarget): Multiaddr[] {
  try {
    if (target.peerId !== undefined) peerIdFromString(target.peerId);
    return target.addrs.map((addr) => multiaddr(addr));
  } catch (error) {
    throw new UnreachableError(`not a usable address: ${messageOf(error)}`, error);
  }
}

function named(error: unknown, wrap: (cause: unknown) => StoreError): StoreError {
  rethrowDefect(error);
  return error instanceof StoreError ? error : wrap(error);
}

/** A broken invariant of our own ends the process, wherever it shows; libp2p would swallow it. */
function rethrowDefect(error: unknown): void {
  if (!(error instanceof InvariantError)) return;
  queueMicrotask(() => {
    throw error;
  });
}
